"""Vectors of voices: mel bands and network against independent forms, and what they tell apart."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from hamiltone.speech import VOICE_PACKAGE, VoiceEncoder, VoiceError, load_voice_encoder

RATE = 16000
NOISE = np.random.default_rng(0).normal(0, 0.2, 3 * RATE).astype(np.float32)


@pytest.fixture(scope="module")
def encoder() -> VoiceEncoder:
    if importlib.util.find_spec(VOICE_PACKAGE) is None:
        pytest.skip("Resemblyzer's weights are not installed: pip install --no-deps resemblyzer==0.1.4")
    return load_voice_encoder()


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Resemblyzer's own code; what it imports for reading sound is not needed to hear a spectrogram."""
    for name in ("librosa", "webrtcvad", "scipy.ndimage.morphology"):
        monkeypatch.setitem(sys.modules, name, module := ModuleType(name))
        module.__dict__["binary_dilation"] = None
    yield importlib.import_module(f"{VOICE_PACKAGE}.voice_encoder")
    for name in [name for name in sys.modules if name.partition(".")[0] == VOICE_PACKAGE]:
        del sys.modules[name]


def slow_mels(waveform: np.ndarray) -> np.ndarray:
    """One column and one band at a time, in float64: as librosa's ``melspectrogram`` has it by default."""
    padded = np.pad(waveform.astype(np.float64), 200)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    corners = [200 / 3 * mel for mel in np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), 42)]
    corners = [c if c < 1000 else 1000 * 6.4 ** ((c * 3 / 200 - 15) / 27) for c in corners]
    frequencies = np.arange(201) * 40.0
    columns = []
    for start in range(0, len(padded) - 399, 160):
        power = np.abs(np.fft.rfft(padded[start : start + 400] * window)) ** 2
        row = []
        for low, middle, high in zip(corners, corners[1:], corners[2:], strict=False):
            weights = np.interp(frequencies, [low, middle, high], [0, 2 / (high - low), 0], left=0, right=0)
            row.append((power * weights).sum())
        columns.append(row)
    return np.array(columns)


def test_mels_are_those_of_the_slow_form_and_quiet_sound_is_raised() -> None:
    encoder = VoiceEncoder()
    found = encoder.mels(torch.from_numpy(NOISE)).numpy()
    np.testing.assert_allclose(found, slow_mels(NOISE), rtol=2e-4, atol=1e-7)
    level = 10 ** (-30 / 20) / np.sqrt(np.mean(NOISE.astype(float) ** 2))
    raised = encoder.mels(torch.from_numpy(0.001 * NOISE)).numpy()
    np.testing.assert_allclose(raised, found * level**2, rtol=1e-3)


def test_the_network_is_resemblyzers(encoder: VoiceEncoder, theirs: ModuleType) -> None:
    own = theirs.VoiceEncoder("cpu", verbose=False)
    mels = torch.rand(5, 160, 40, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, found = own(mels), encoder(mels)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(5))


def test_parts_begin_1_3_times_a_second_and_silence_at_the_ends_is_left_out(encoder: VoiceEncoder) -> None:
    parts = encoder.parts(NOISE)
    assert parts.shape == (1 + (301 - 160) // 77, 256)
    silent = np.zeros(RATE, np.float32)
    with_ends = encoder.parts(np.concatenate([silent, NOISE, silent]))
    assert with_ends.shape == parts.shape
    assert (with_ends.mean(0) @ parts.mean(0)).item() > 0.99
    assert encoder.parts(NOISE[:100]).shape == (1, 256)


def test_weights_that_are_not_here_or_none_are_told_in_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(VoiceError, match=r"pip install --no-deps resemblyzer==0\.1\.4"):
        load_voice_encoder()
    (tmp_path / "resemblyzer").mkdir()
    (tmp_path / "resemblyzer" / "__init__.py").touch()
    (tmp_path / "resemblyzer" / "pretrained.pt").write_bytes(b"none")
    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(VoiceError, match=r"pretrained.pt: is no voice encoder of Resemblyzer 0.1.4"):
        load_voice_encoder()
