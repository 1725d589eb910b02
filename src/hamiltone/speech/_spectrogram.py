"""The spectrogram as the first part of a network: waveforms of 4 s to matrices of 512 (time) x 128 (frequency)."""

import math
from collections.abc import Iterable
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone.audio import FRAME_SAMPLES, SPECTROGRAM_BINS, SPECTROGRAM_HOP

Scale = Literal["linear", "decibel"]
Normalisation = Literal["unit", "standard", "none"]

WINDOW = 256
TIMES = 512
_RANGE = 1e4  # 80 dB


class Spectrogram(nn.Module):
    """Magnitudes of the short-time Fourier transform, normalised with statistics of the training part.

    Window: Hamming, periodic, 256 samples (16 ms), hop 128, centred with zero padding, scaled as ``scipy.signal.stft``
    (divided by the window's sum). Of 129 bins x 501 times the Nyquist bin is dropped, and zeros fill the time up to
    512. There are no parameters. The statistics are buffers and travel in the ``state_dict``:

    - "unit": ``maximum``, the largest value of the training part; the matrix is divided by it. Values of other clips
      may lie above 1 and are left there: clamp them where a target in 0..1 is needed (binary cross-entropy).
    - "standard": ``mean`` and ``deviation`` (population) of all values of the training part's 512 x 128 matrices, the
      padding included; the mean is subtracted, then divided by the deviation. The padding is then not 0.
    - "none": no buffers.

    ``fitted`` (a buffer, too) tells whether the statistics are there.

    Args:
        scale: "linear" (the paper's), or "decibel": per clip, relative to its own maximum, the upper 80 dB mapped to
            0..1; a clip of zeros gives zeros.
        normalisation: "unit" (quaternion networks), "standard" (real networks) or "none".
        time_reversed: the time axis runs backwards, the padding first, as the released weights know it: the matrix of
            512 x 128 is what ``numpy.rot90`` makes of frequency x time.

    Raises:
        ValueError: an unknown scale or normalisation.

    Source: docs/method.md, "From sound to four axes".
    """

    maximum: Tensor
    mean: Tensor
    deviation: Tensor
    fitted: Tensor

    def __init__(
        self, *, scale: Scale = "linear", normalisation: Normalisation = "unit", time_reversed: bool = False
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("scale", scale, get_args(Scale)),
            ("normalisation", normalisation, get_args(Normalisation)),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        self.scale: Scale = scale
        self.normalisation: Normalisation = normalisation
        self.time_reversed = time_reversed
        if normalisation == "unit":
            self.register_buffer("maximum", torch.ones(()))
        elif normalisation == "standard":
            self.register_buffer("mean", torch.zeros(()))
            self.register_buffer("deviation", torch.ones(()))
        if normalisation != "none":
            self.register_buffer("fitted", torch.tensor(False))
        # Known without reading the buffer, which on an accelerator would wait for it in every forward pass.
        self._ready = normalisation == "none"
        self.register_load_state_dict_post_hook(_forget_readiness)

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments, fit for JSON: ``Spectrogram(**settings)`` makes the like of it, unfitted."""
        return {"scale": self.scale, "normalisation": self.normalisation, "time_reversed": self.time_reversed}

    def extra_repr(self) -> str:
        """The settings, for ``repr``."""
        return ", ".join(f"{name}={value!r}" for name, value in self.settings().items())

    def forward(self, waveform: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch 1 512 128"]:
        """The normalised matrices of a batch of frames.

        Args:
            waveform: frames of 4 s at 16 kHz, (batch, 64000).

        Returns:
            (batch, 1, 512, 128): float64 for a float64 waveform, else float32, under autocast as well.

        Raises:
            ValueError: frames of another length.
            RuntimeError: a normalisation that was neither fitted nor loaded.
        """
        self._ready = self._ready or bool(self.fitted)
        if not self._ready:
            raise RuntimeError(
                f"the spectrogram's {self.normalisation!r} normalisation has no statistics: "
                "call fit() with the training part's waveforms, or load a state_dict"
            )
        matrix = self._scaled(waveform)
        if self.normalisation == "unit":
            return matrix / self.maximum.to(matrix.dtype)
        if self.normalisation == "standard":
            return (matrix - self.mean.to(matrix.dtype)) / self.deviation.to(matrix.dtype)
        return matrix

    @torch.no_grad()
    def fit(self, batches: Iterable[Float[Tensor, "_ sample"]]) -> "Spectrogram":
        """Take the statistics from the training part, accumulated in float64 whatever the number of batches.

        Args:
            batches: waveforms as for ``forward``; each clip once. Not looked at when the normalisation is "none".

        Returns:
            The module itself.

        Raises:
            ValueError: no clips, only silent ones, or values that are not finite; the statistics are left as they were.
        """
        if self.normalisation == "none":
            return self
        count, mean, squares, maximum = 0, 0.0, 0.0, 0.0
        for waveform in batches:
            if len(waveform) == 0:
                continue
            matrix = self._scaled(waveform.to(self.fitted.device)).to("cpu", torch.float64)
            # Chan, Golub and LeVeque's merging of means and sums of squared deviations.
            added, share = matrix.numel(), matrix.numel() / (count + matrix.numel())
            difference = matrix.mean().item() - mean
            squares += matrix.var(correction=0).item() * added + difference**2 * count * share
            mean += difference * share
            count += added
            maximum = max(maximum, matrix.max().item())
        if count == 0:
            raise ValueError("the spectrogram cannot be fitted: there are no waveforms in the training part")
        if not math.isfinite(mean + squares):
            raise ValueError("the spectrogram cannot be fitted: the training part holds NaN or infinite values")
        if maximum == 0:
            raise ValueError("the spectrogram cannot be fitted: every waveform of the training part is zero throughout")
        if self.normalisation == "unit":
            self.maximum.fill_(maximum)
        else:
            self.mean.fill_(mean)
            self.deviation.fill_(math.sqrt(squares / count))
        self.fitted.fill_(True)
        return self

    def _scaled(self, waveform: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch 1 512 128"]:
        """The matrices before normalisation."""
        if waveform.shape[-1] != FRAME_SAMPLES:
            raise ValueError(
                f"the spectrogram takes frames of {FRAME_SAMPLES} samples (4 s at 16 kHz), not {waveform.shape[-1]}"
            )
        with torch.autocast(waveform.device.type, enabled=False):
            samples = waveform if waveform.dtype == torch.float64 else waveform.float()
            magnitude = self._magnitude(samples)
            if self.scale == "decibel":
                magnitude = _decibel(magnitude)
            matrix = nn.functional.pad(magnitude, (0, 0, 0, TIMES - magnitude.shape[1]))
            if self.time_reversed:
                matrix = matrix.flip(1)
            return matrix.unsqueeze(1)

    def _magnitude(self, samples: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch time frequency"]:
        """Of all whole windows, without the Nyquist bin, divided by the window's sum."""
        window = torch.hamming_window(WINDOW, periodic=True, dtype=samples.dtype, device=samples.device)
        spectrum = torch.stft(
            samples, WINDOW, SPECTROGRAM_HOP, window=window, center=True, pad_mode="constant", return_complex=True
        )
        return spectrum[:, :SPECTROGRAM_BINS].abs().transpose(1, 2) / window.sum()


def _decibel(magnitude: Float[Tensor, "batch time frequency"]) -> Float[Tensor, "batch time frequency"]:
    # The floor is a product of exactly 1, so that it and a clip of zeros become exactly 0.
    tiny = torch.finfo(magnitude.dtype).tiny
    loudest = magnitude.amax(dim=(1, 2), keepdim=True).clamp_min(tiny)
    return ((magnitude / loudest) * _RANGE).clamp_min(1.0).log10().div(math.log10(_RANGE)).clamp_max(1.0)


def _forget_readiness(module: nn.Module, _incompatible: Any) -> None:
    if isinstance(module, Spectrogram):
        module._ready = module.normalisation == "none"
