"""The spectrogram without a Fourier transform: a strided convolution, which every runtime has."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hamiltone.audio import SPECTROGRAM_BINS, SPECTROGRAM_HOP

from ._spectrogram import WINDOW, Spectrogram


class ConvolvedSpectrogram(Spectrogram):
    """What another spectrogram gives, up to rounding, with real numbers and a convolution alone: for exports.

    Each output channel of the convolution is the window times a cosine or a sine of one frequency: the real and the
    imaginary part of that bin. It reads float32 waveforms and is not for training.

    Args:
        spectrogram: fitted; its settings and statistics are copied.

    Raises:
        RuntimeError: the spectrogram was neither fitted nor loaded.
    """

    basis: Tensor

    def __init__(self, spectrogram: Spectrogram) -> None:
        super().__init__(**spectrogram.settings())
        self.load_state_dict(spectrogram.state_dict())
        self.register_buffer("basis", _basis(), persistent=False)
        # An export must not ask a buffer for its value, so it is asked here.
        self._ready = self.normalisation == "none" or bool(self.fitted)
        if not self._ready:
            raise RuntimeError("the spectrogram has no statistics: call fit() before it is converted")

    def _magnitude(self, samples: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch time frequency"]:
        waves = functional.conv1d(samples.unsqueeze(1), self.basis, stride=SPECTROGRAM_HOP, padding=WINDOW // 2)
        real, imaginary = waves.unflatten(1, (2, SPECTROGRAM_BINS)).unbind(1)
        return (real.square() + imaginary.square()).sqrt().transpose(1, 2)


def _basis() -> Float[Tensor, "256 1 256"]:
    """Rows of window x cosine, then of window x sine, divided by the window's sum; in float64 until the end."""
    window = torch.hamming_window(WINDOW, periodic=True, dtype=torch.float64)
    # The product of bin and sample is taken modulo the period while it is a whole number, so that no angle is large.
    turns = torch.outer(torch.arange(SPECTROGRAM_BINS), torch.arange(WINDOW)).remainder(WINDOW)
    angle = turns.double() * (2 * math.pi / WINDOW)
    waves = torch.cat((angle.cos(), angle.sin())) * (window / window.sum())
    return waves.float().unsqueeze(1)
