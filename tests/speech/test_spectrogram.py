"""The spectrogram against scipy and numpy."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hamiltone.speech import FRAME_SAMPLES, Normalisation, Scale, Spectrogram


def waveforms(clips: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Clips of different loudness; the second one is a short clip, padded."""
    generator = torch.Generator().manual_seed(seed)
    clips_of_noise = torch.randn(clips, FRAME_SAMPLES, generator=generator, dtype=torch.float64)
    clips_of_noise *= torch.logspace(-3, 0, clips, dtype=torch.float64)[:, None]
    if clips > 1:
        clips_of_noise[1, 20_000:] = 0
    return clips_of_noise.to(dtype)


def oracle(clip: np.ndarray) -> np.ndarray:
    """512 (time) x 128 (frequency) by scipy, linear."""
    _, _, spectrum = scipy.signal.stft(clip, fs=16000, window="hamming", nperseg=256, noverlap=128)
    assert spectrum.shape == (129, 501)
    matrix = np.zeros((512, 128))
    matrix[:501] = np.abs(spectrum[:128]).T
    return matrix


def decibel_oracle(clip: np.ndarray) -> np.ndarray:
    matrix = oracle(clip)
    with np.errstate(divide="ignore"):
        levels = 20 * np.log10(matrix / matrix.max())
    return (np.maximum(levels, -80) + 80) / 80


def plain(scale: Scale = "linear", **rest: Any) -> Spectrogram:
    return Spectrogram(scale=scale, normalisation="none", **rest)


def test_linear_is_scipys() -> None:
    clips = waveforms(4)
    matrices = plain()(clips)
    assert matrices.shape == (4, 1, 512, 128)
    assert matrices.dtype == torch.float64
    for clip, matrix in zip(clips, matrices, strict=True):
        np.testing.assert_allclose(matrix[0].numpy(), oracle(clip.numpy()), rtol=0, atol=1e-10)


def test_single_precision() -> None:
    clips = waveforms(4, dtype=torch.float32)
    matrices = plain()(clips)
    assert matrices.dtype == torch.float32
    for clip, matrix in zip(clips, matrices, strict=True):
        np.testing.assert_allclose(matrix[0].numpy(), oracle(clip.double().numpy()), rtol=0, atol=1e-6)


def test_decibel_is_numpys() -> None:
    clips = waveforms(4)
    # Some content below the floor of 80 dB, too.
    clips[2] = torch.sin(torch.arange(FRAME_SAMPLES, dtype=torch.float64) / 7)
    matrices = plain("decibel")(clips)
    for clip, matrix in zip(clips, matrices, strict=True):
        np.testing.assert_allclose(matrix[0].numpy(), decibel_oracle(clip.numpy()), rtol=0, atol=1e-10)
    assert (matrices[2, 0, :400] == 0).any()
    assert torch.equal(matrices.amax(dim=(1, 2, 3)), torch.ones(4, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", ["linear", "decibel"])
def test_zeros_stay_zeros(scale: Scale, dtype: torch.dtype) -> None:
    clips = waveforms(3, dtype=dtype)
    clips[0] = 0
    matrices = plain(scale)(clips)
    assert not matrices[0].any()
    assert not matrices[:, :, 501:].any()
    assert not matrices[1, :, 160:].any()
    assert matrices[2, :, :501].any()


@pytest.mark.parametrize("scale", ["linear", "decibel"])
def test_decibel_ignores_loudness(scale: Scale) -> None:
    clip = waveforms(1)
    louder, softer = plain(scale)(clip * 3), plain(scale)(clip)
    torch.testing.assert_close(louder, softer if scale == "decibel" else 3 * softer, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", ["linear", "decibel"])
def test_time_runs_forwards_or_backwards(scale: Scale) -> None:
    clip = waveforms(1)
    clip[:, 32_000:] = 0
    forwards = plain(scale)(clip)[0, 0].numpy()
    assert forwards[:200].any()
    assert not forwards[300:].any()
    backwards = plain(scale, time_reversed=True)(clip)[0, 0].numpy()
    # The released code turns frequency x time by a quarter.
    np.testing.assert_array_equal(backwards, np.rot90(forwards.T))


class TestNormalisation:
    @pytest.mark.parametrize("scale", ["linear", "decibel"])
    @pytest.mark.parametrize("sizes", [[6], [1, 2, 3], [1] * 6, [5, 0, 1]])
    def test_statistics_are_numpys(self, scale: Scale, sizes: list[int]) -> None:
        clips = waveforms(6)
        by_hand = oracle if scale == "linear" else decibel_oracle
        values = np.stack([by_hand(clip) for clip in clips.numpy()])

        unit = Spectrogram(scale=scale, normalisation="unit").double().fit(clips.split(sizes))
        assert unit.maximum.item() == pytest.approx(values.max(), rel=1e-12)
        np.testing.assert_allclose(unit(clips)[:, 0].numpy(), values / values.max(), atol=1e-10)

        standard = Spectrogram(scale=scale, normalisation="standard").double().fit(clips.split(sizes))
        assert standard.mean.item() == pytest.approx(values.mean(), rel=1e-10)
        assert standard.deviation.item() == pytest.approx(values.std(), rel=1e-10)
        normalised = standard(clips)[:, 0].numpy()
        np.testing.assert_allclose(normalised, (values - values.mean()) / values.std(), atol=1e-8)

    @settings(max_examples=10, deadline=None)
    @given(sizes=st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(sum), seed=st.integers(0, 99))
    def test_the_batches_do_not_matter(self, sizes: list[int], seed: int) -> None:
        clips = waveforms(sum(sizes), seed)
        whole = Spectrogram(normalisation="standard").double().fit([clips])
        parts = Spectrogram(normalisation="standard").double().fit(clips.split(sizes))
        torch.testing.assert_close(parts.mean, whole.mean, rtol=1e-10, atol=0)
        torch.testing.assert_close(parts.deviation, whole.deviation, rtol=1e-10, atol=0)

    def test_unseen_clips_may_exceed_one(self) -> None:
        clips = waveforms(2)
        spectrogram = Spectrogram().fit([clips])
        assert spectrogram(clips).max().item() == pytest.approx(1)
        assert spectrogram(clips * 2).max().item() == pytest.approx(2)

    def test_any_iterable_once(self) -> None:
        def batches() -> Iterator[Tensor]:
            yield from waveforms(4, dtype=torch.float32).split(2)

        spectrogram = Spectrogram(normalisation="standard")
        assert spectrogram.fit(batches()) is spectrogram
        assert not any(tensor.requires_grad for tensor in spectrogram.state_dict().values())

    @pytest.mark.parametrize("normalisation", ["unit", "standard"])
    def test_unfitted(self, normalisation: Normalisation) -> None:
        spectrogram = Spectrogram(normalisation=normalisation)
        with pytest.raises(RuntimeError, match="call fit"):
            spectrogram(waveforms(1))
        spectrogram.fit([waveforms(2)])
        spectrogram(waveforms(1))
        # An unfitted state makes it unfitted again.
        spectrogram.load_state_dict(Spectrogram(normalisation=normalisation).state_dict())
        with pytest.raises(RuntimeError, match="call fit"):
            spectrogram(waveforms(1))

    def test_none_needs_no_fit(self) -> None:
        spectrogram = plain()
        assert spectrogram.fit([]) is spectrogram
        assert not spectrogram.state_dict()

    @pytest.mark.parametrize("normalisation", ["unit", "standard"])
    @pytest.mark.parametrize(
        ("batches", "words"),
        [
            ([], "no waveforms"),
            ([torch.zeros(0, FRAME_SAMPLES)], "no waveforms"),
            ([torch.zeros(2, FRAME_SAMPLES)], "zero throughout"),
            ([torch.full((1, FRAME_SAMPLES), torch.nan)], "NaN or infinite"),
            ([torch.full((1, FRAME_SAMPLES), torch.inf)], "NaN or infinite"),
        ],
    )
    def test_useless_training_parts(self, normalisation: Normalisation, batches: list[Tensor], words: str) -> None:
        spectrogram = Spectrogram(normalisation=normalisation).fit([waveforms(2)])
        before = copy.deepcopy(spectrogram.state_dict())
        with pytest.raises(ValueError, match=words):
            spectrogram.fit(batches)
        assert all(torch.equal(before[name], value) for name, value in spectrogram.state_dict().items())


@pytest.mark.parametrize("time_reversed", [False, True])
@pytest.mark.parametrize("scale", ["linear", "decibel"])
@pytest.mark.parametrize("normalisation", ["unit", "standard", "none"])
def test_settings_and_state_make_it_again(scale: Scale, normalisation: Normalisation, time_reversed: bool) -> None:
    clips = waveforms(2, dtype=torch.float32)
    first = Spectrogram(scale=scale, normalisation=normalisation, time_reversed=time_reversed).fit([clips])
    second = Spectrogram(**json.loads(json.dumps(first.settings())))
    assert second.settings() == first.settings()
    second.load_state_dict(first.state_dict())
    assert torch.equal(second(clips), first(clips))
    assert torch.equal(copy.deepcopy(first)(clips), first(clips))
    assert not list(first.parameters())
    names = {"unit": {"maximum", "fitted"}, "standard": {"mean", "deviation", "fitted"}, "none": set()}
    assert set(first.state_dict()) == names[normalisation]
    assert f"scale={scale!r}" in repr(first)


@pytest.mark.parametrize("scale", ["linear", "decibel"])
def test_gradients(scale: Scale) -> None:
    clips = waveforms(3)
    clips[0] = 0
    clips.requires_grad_()
    spectrogram = Spectrogram(scale=scale).double().fit([clips.detach()])
    loss = spectrogram(clips).square().sum()
    (gradient,) = torch.autograd.grad(loss, clips)
    assert gradient.isfinite().all()
    assert not gradient[0].any()
    direction = waveforms(3, seed=5)
    direction[0] = 0
    step = 1e-6 * direction
    with torch.no_grad():
        slope = (spectrogram(clips + step).square().sum() - spectrogram(clips - step).square().sum()) / 2
    assert (gradient * step).sum().item() == pytest.approx(slope.item(), rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_computes_in_single_precision(dtype: torch.dtype) -> None:
    clips = waveforms(2, dtype=torch.float32)
    spectrogram = Spectrogram(normalisation="standard").fit([clips])
    expected = spectrogram(clips)
    with torch.autocast("cpu", dtype=dtype):
        matrices = spectrogram(clips)
    assert matrices.dtype == torch.float32
    assert torch.equal(matrices, expected)
    assert spectrogram(clips.to(dtype)).dtype == torch.float32


@pytest.mark.parametrize("samples", [1, 63_999, 64_001])
def test_only_whole_frames(samples: int) -> None:
    with pytest.raises(ValueError, match="64000 samples"):
        plain()(torch.zeros(2, samples))


@pytest.mark.parametrize("name", ["scale", "normalisation"])
def test_unknown_settings(name: str) -> None:
    arguments: dict[str, Any] = {name: "loud"}
    with pytest.raises((ValueError, TypeError)):
        Spectrogram(**arguments)
