"""One channel of several: their mean, and what becomes of channels that take one another away."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hamiltone.audio import SAMPLE_RATE, load_audio, stream_audio
from hamiltone.audio._sounds import mixed


def voice(seed: int = 0, samples: int = 8000) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.4, 0.4, samples).astype(np.float32)


def channels(*columns: np.ndarray) -> np.ndarray:
    return np.stack(columns, axis=1).astype(np.float32)


def mean(block: np.ndarray) -> np.ndarray:
    return block.mean(axis=1, dtype=np.float64).astype(np.float32)


@given(count=st.integers(1, 40), seed=st.integers(0, 999), offset=st.sampled_from([0.0, 0.3]))
def test_channels_with_nothing_in_common_are_averaged(count: int, seed: int, offset: float) -> None:
    block = np.random.default_rng(seed).uniform(-0.5, 0.5, (3000, count)).astype(np.float32) + np.float32(offset)
    np.testing.assert_array_equal(mixed(block), mean(block))


@pytest.mark.parametrize("correlation", [-0.7, 0.0, 0.5, 1.0])
def test_channels_that_do_not_cancel_are_averaged(correlation: float) -> None:
    one, other = voice(1), voice(2)
    block = channels(one, correlation * one + np.sqrt(1 - correlation**2) * other)
    np.testing.assert_array_equal(mixed(block), mean(block))


@pytest.mark.parametrize("offset", [0.0, 0.2])
@pytest.mark.parametrize("gain", [1.0, 0.9, 0.7])
def test_opposite_phase_is_turned_over(gain: float, offset: float) -> None:
    one = voice()
    block = channels(one, -gain * one) + np.float32(offset)
    heard = mixed(block)
    # The first loud channel keeps its sign.
    np.testing.assert_allclose(heard - heard.mean(), (1 + gain) / 2 * (one - one.mean()), atol=1e-6)


def test_opposite_phase_with_noise_of_its_own() -> None:
    one = voice()
    block = channels(one + 0.1 * voice(1), -one + 0.1 * voice(2))
    assert np.corrcoef(mixed(block), one)[0, 1] > 0.99


def test_two_of_four_turned_over() -> None:
    one = voice()
    np.testing.assert_allclose(mixed(channels(one, -one, one, -one)), one, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 6])
def test_silence_and_nothing(count: int) -> None:
    assert not mixed(np.zeros((100, count), np.float32)).any()
    assert mixed(np.zeros((0, count), np.float32)).shape == (0,)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG"])
def test_a_recording_in_opposite_phase(tmp_path: Path, form: str) -> None:
    times = np.arange(5 * 48000) / 48000
    one = 0.4 * np.sin(2 * np.pi * 220 * times) * (0.2 + times / 5)
    path = tmp_path / "wrong wire"
    soundfile.write(path, channels(one, -one), 48000, format=form)
    heard = load_audio(path)
    soundfile.write(path, channels(one, one), 48000, format=form)
    right = load_audio(path)
    error = {"WAV": 1e-3, "FLAC": 1e-3, "OGG": 0.05}[form]
    assert np.abs(heard - right).max() < error
    soundfile.write(path, channels(one, -one), 48000, format=form)
    np.testing.assert_array_equal(np.concatenate(list(stream_audio(path, block_seconds=0.4))), heard)
    assert len(heard) == 5 * SAMPLE_RATE
