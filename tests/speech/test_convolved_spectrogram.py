"""The spectrogram as a convolution, against torch's transform and SciPy's."""

import numpy as np
import pytest
import scipy.signal
import torch

from hamiltone.speech import FRAME_SAMPLES, ConvolvedSpectrogram, Normalisation, Scale, Spectrogram


def noise(batch: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, FRAME_SAMPLES, generator=torch.Generator().manual_seed(seed)) / 5


@pytest.mark.parametrize("scale", ["linear", "decibel"])
@pytest.mark.parametrize("normalisation", ["unit", "standard", "none"])
@pytest.mark.parametrize("time_reversed", [False, True])
def test_it_is_the_same_spectrogram(scale: Scale, normalisation: Normalisation, time_reversed: bool) -> None:
    original = Spectrogram(scale=scale, normalisation=normalisation, time_reversed=time_reversed).fit([noise(2)])
    waveform = torch.cat([noise(2, 1), torch.zeros(1, FRAME_SAMPLES)])
    # A logarithm turns the same rounding of a soft bin into more.
    atol = 3e-4 if scale == "decibel" else 1e-5
    torch.testing.assert_close(ConvolvedSpectrogram(original)(waveform), original(waveform), atol=atol, rtol=1e-4)


def test_it_is_scipys_transform() -> None:
    waveform = noise(1)
    ours = ConvolvedSpectrogram(Spectrogram(normalisation="none"))(waveform)[0, 0]
    _, _, spectrum = scipy.signal.stft(
        waveform[0].double().numpy(), window="hamming", nperseg=256, noverlap=128, padded=False
    )
    expected = np.abs(spectrum[:128]).T
    np.testing.assert_allclose(ours[: len(expected)].numpy(), expected, atol=1e-7)
    assert not ours[len(expected) :].any()


def test_a_soft_tone_beside_a_loud_one_is_kept() -> None:
    """80 dB below the loudest bin, which is all that the decibel scale shows, rounding does not count."""
    time = torch.arange(FRAME_SAMPLES) / 16000
    waveform = (torch.sin(2 * torch.pi * 1000 * time) + 1e-4 * torch.sin(2 * torch.pi * 5000 * time))[None]
    original = Spectrogram(scale="decibel", normalisation="none")
    torch.testing.assert_close(ConvolvedSpectrogram(original)(waveform), original(waveform), atol=2e-3, rtol=0)


def test_statistics_are_needed() -> None:
    with pytest.raises(RuntimeError, match="fit"):
        ConvolvedSpectrogram(Spectrogram())
