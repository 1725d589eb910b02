"""Log-mel bands of the speech in a frame: free of its level, moved to the frame's beginning, with derivatives."""

import math
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE, SPECTROGRAM_BINS, SPECTROGRAM_HOP

LevelNormalisation = Literal["level", "band", "band_and_deviation"]

LOG_MEL_HOP = 160
"""Samples from one column to the next: 10 ms."""
LOG_MEL_COLUMNS = FRAME_SAMPLES // LOG_MEL_HOP
"""Columns of a frame."""

_WINDOW, _FFT = 400, 512
_SPEED_STEPS = 80  # of 1: at a whole number of them, window and hop are whole numbers of samples
_SLOWEST, _FASTEST = 0.5, 1.25  # above, a window would be longer than the Fourier transform
_LOWEST, _HIGHEST = 50.0, SAMPLE_RATE / 2
_FLOOR = 1e-8  # of the loudest cell's power: 80 dB
_MARGIN = 5  # columns kept before and behind the speech
_SCALE = {"level": 14.0, "band": 12.0, "band_and_deviation": 1.0}  # dB, about the deviation of speech so normalised
_SLOPES = (3.0, 9.0, 1.0)  # bring the derivatives of speech to about the deviation of the bands


class LogMel(nn.Module):
    """Waveforms of 4 s -> log-mel bands and their derivatives, the same for any gain: (batch, 4, 400, bands).

    The mean of what is recorded is taken off. A Hann window of 25 ms every 10 ms, its power summed in triangular bands
    that are equally wide in mel, in dB above 80 dB below the frame's loudest cell. Speech is what lies between the
    first and the last column whose power is within ``speech_range`` of the loudest one's; it is moved to the beginning,
    and all else is exactly 0, so that a network can tell (:func:`sounding_columns`) and leave it out. There is nothing
    to fit and nothing to learn. The four channels are the bands, their change over time (the slope of the regression
    line through five columns), the change of that, and the difference of the neighbouring bands, each times a constant
    that brings it to a deviation of about 1. A frame without any sound is 0 throughout. Of a frame that is heard more
    slowly, what goes on after 4 s is left out.

    Args:
        bands: how many, from 50 Hz to 8 kHz.
        normalisation: what is subtracted (and divided by), over the speech alone: see ``LogMelSettings``.
        speech_range: dB below the loudest column at which speech begins and ends.
        speed: how many times as fast the frames are heard, and as many times as high: what a recording played at that
            speed would give, without making one (window, hop and bands are scaled instead).

    Raises:
        ValueError: an unknown normalisation, so many bands that one of them lies between two bins, or a speed that is
            none of 0.5 to 1.25 in steps of 0.0125.

    Source: Davis and Mermelstein 1980 (bands); O'Shaughnessy 1987 (mel = 2595 log10(1 + f / 700)); Furui 1986
    (regression); the four channels as in Parcollet et al. 2018.
    """

    filters: Tensor
    centres: Tensor

    def __init__(
        self,
        bands: int = 64,
        normalisation: LevelNormalisation = "level",
        speech_range: float = 40.0,
        speed: float = 1.0,
    ) -> None:
        super().__init__()
        if not _SLOWEST <= speed <= _FASTEST or abs(speed * _SPEED_STEPS - round(speed * _SPEED_STEPS)) > 1e-9:
            raise ValueError(f"speed {speed:g}: takes {_SLOWEST} to {_FASTEST}, in steps of {1 / _SPEED_STEPS}")
        if normalisation not in get_args(LevelNormalisation):
            raise ValueError(f"normalisation must be one of {', '.join(get_args(LevelNormalisation))}")
        self.normalisation: LevelNormalisation = normalisation
        self.speech_range = speech_range
        self.speed = speed
        self._window, self._hop = round(speed * _WINDOW), round(speed * LOG_MEL_HOP)
        self._columns = FRAME_SAMPLES // self._hop
        weights, centres = mel_bands(bands, speed)
        self.register_buffer("filters", weights.float(), persistent=False)
        self.register_buffer("centres", centres.float(), persistent=False)

    def forward(
        self,
        waveform: Float[Tensor, "batch sample"],
        masked: Bool[Tensor, "batch 512 128"] | None = None,
        *,
        in_place: bool = False,
    ) -> Float[Tensor, "batch 4 400 band"]:
        """The four channels of frames of 4 s at 16 kHz; ``masked`` is hidden of them, as SpecAugment has it.

        Args:
            waveform: (batch, 64000).
            masked: cells of the spectrogram of 512 x 128; a cell here is hidden where the one at its time and
                frequency is.
            in_place: leave the speech where it is in the frame, as pictures show it.

        Raises:
            ValueError: frames of another length.
        """
        if waveform.shape[-1] != FRAME_SAMPLES:
            raise ValueError(
                f"log-mel bands take frames of {FRAME_SAMPLES} samples (4 s at 16 kHz), not {waveform.shape[-1]}"
            )
        with torch.autocast(waveform.device.type, enabled=False):
            power = self._power(_without_offset(waveform.float())) @ self.filters
        first, length = self._speech(power.sum(2))
        loudest = power.amax(dim=(1, 2), keepdim=True).clamp_min(torch.finfo(power.dtype).tiny)
        decibel = 10 * (power / loudest).clamp_min(_FLOOR).log10()
        channels = self._channels(decibel, first, length)
        if masked is not None:
            channels = channels.masked_fill(self._hidden(masked).unsqueeze(1), 0)
        column = torch.arange(LOG_MEL_COLUMNS, device=power.device)
        begins = torch.zeros_like(first) if in_place else first
        source = begins.unsqueeze(1) + column
        speech = (source >= first.unsqueeze(1)) & (source < (first + length).unsqueeze(1))
        source = source.clamp_max(self._columns - 1)
        moved = channels.gather(2, source[:, None, :, None].expand(-1, channels.shape[1], -1, channels.shape[3]))
        return moved * speech[:, None, :, None]

    def _power(self, samples: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch column bin"]:
        window = torch.hann_window(self._window, dtype=samples.dtype, device=samples.device)
        spectrum = torch.stft(
            samples,
            _FFT,
            self._hop,
            self._window,
            window=window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        return (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)[:, : self._columns]

    def _speech(self, loudness: Float[Tensor, "batch column"]) -> tuple[Tensor, Tensor]:
        """The first column of the speech and how many there are; 0 of a frame without sound."""
        threshold = loudness.amax(1, keepdim=True) * 10 ** (-self.speech_range / 10)
        loud = ((loudness >= threshold) & (loudness > 0)).to(torch.int64)
        order = torch.arange(1, self._columns + 1, device=loudness.device)
        last = (loud * order).amax(1)
        first = self._columns - (loud * order.flip(0)).amax(1)
        first = (first - _MARGIN).clamp_min(0)
        stop = torch.where(last > 0, (last + _MARGIN).clamp_max(self._columns), 0)
        return first.clamp_max(self._columns - 1), (stop - first).clamp_min(0)

    def _channels(
        self, decibel: Float[Tensor, "batch column band"], first: Tensor, length: Tensor
    ) -> Float[Tensor, "batch 4 column band"]:
        column = torch.arange(self._columns, device=decibel.device)
        speech = (column >= first.unsqueeze(1)) & (column < (first + length).unsqueeze(1))
        weight = speech.to(decibel.dtype).unsqueeze(2)
        count = length.clamp_min(1).to(decibel.dtype)[:, None, None]
        over = (1, 2) if self.normalisation == "level" else (1,)
        cells = count * (decibel.shape[2] if self.normalisation == "level" else 1)
        centred = decibel - (decibel * weight).sum(over, keepdim=True) / cells
        if self.normalisation == "band_and_deviation":
            centred = centred / ((centred.square() * weight).sum(1, keepdim=True) / cells + 1e-3).sqrt()
        bands = centred / _SCALE[self.normalisation]
        change = _regression(bands)
        slope = functional.pad(bands[:, :, 2:] - bands[:, :, :-2], (1, 1))
        channels = (bands, change * _SLOPES[0], _regression(change) * _SLOPES[1], slope * _SLOPES[2])
        return torch.stack(channels, dim=1)

    def _hidden(self, masked: Bool[Tensor, "batch 512 128"]) -> Bool[Tensor, "batch column band"]:
        times = torch.arange(self._columns, device=masked.device) * self._hop // SPECTROGRAM_HOP
        bins = (self.centres / (_HIGHEST / SPECTROGRAM_BINS)).long().clamp_max(SPECTROGRAM_BINS - 1)
        return masked[:, times][:, :, bins]


class ConvolvedLogMel(LogMel):
    """What :class:`LogMel` gives, up to rounding, with a convolution in place of a Fourier transform: for exports.

    Args:
        log_mel: whose settings are copied.
    """

    basis: Tensor

    def __init__(self, log_mel: LogMel) -> None:
        super().__init__(log_mel.filters.shape[1], log_mel.normalisation, log_mel.speech_range, log_mel.speed)
        self.register_buffer("basis", _basis(self._window), persistent=False)

    def _power(self, samples: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch column bin"]:
        waves = functional.conv1d(samples.unsqueeze(1), self.basis, stride=self._hop, padding=_FFT // 2)
        power = waves.unflatten(1, (2, _FFT // 2 + 1)).square().sum(1)
        return power.transpose(1, 2)[:, : self._columns]


def _without_offset(samples: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch sample"]:
    """Without the mean of what is not padding, so that a constant offset is no sound."""
    recorded = samples != 0
    mean = samples.sum(1, keepdim=True) / recorded.sum(1, keepdim=True).clamp_min(1)
    return (samples - mean) * recorded


def sounding_columns(features: Float[Tensor, "batch channel time frequency"]) -> Bool[Tensor, "batch time"]:
    """Which columns of feature maps hold anything but zeros: speech, where :class:`LogMel` made them."""
    return features.abs().sum((1, 3)) > 0  # quicker than to compare each cell


def mel_bands(bands: int, speed: float = 1.0) -> tuple[Float[Tensor, "bin band"], Float[Tensor, " band"]]:
    """Triangular bands, equally spaced in mel, each summing to 1, and the frequencies of their centres in Hz (float64).

    Both are weights and frequencies in a recording that is then heard ``speed`` times as high; what slow speech would
    need of a recording above 8 kHz is not there, and such a band sums to 0.

    Raises:
        ValueError: so many bands that one of them holds no bin of the spectrum.
    """
    ends = torch.linspace(_mel(_LOWEST), _mel(_HIGHEST), bands + 2, dtype=torch.float64)
    corners = 700 * (10 ** (ends / 2595) - 1)
    bins = torch.arange(_FFT // 2 + 1, dtype=torch.float64).unsqueeze(1) * (speed * SAMPLE_RATE / _FFT)
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    weights = torch.minimum(rising, falling).clamp_min(0)
    sums = weights.sum(0)
    if (sums[corners[2:] <= speed * _HIGHEST] == 0).any():
        raise ValueError(f"{bands} bands are too many: one of them holds no bin of {speed * SAMPLE_RATE / _FFT:g} Hz")
    return weights / torch.where(sums > 0, sums, 1), corners[1:-1] / speed


def _mel(frequency: float) -> float:
    return 2595 * math.log10(1 + frequency / 700)


def _regression(values: Float[Tensor, "batch time band"]) -> Float[Tensor, "batch time band"]:
    """The slope of the regression line through five neighbouring columns, which at the ends repeat."""
    padded = torch.cat([values[:, :1]] * 2 + [values] + [values[:, -1:]] * 2, dim=1)
    return (2 * (padded[:, 4:] - padded[:, :-4]) + padded[:, 3:-1] - padded[:, 1:-3]) / 10


def _basis(length: int) -> Float[Tensor, "514 1 512"]:
    """Rows of window x cosine, then of window x sine; in float64 until the end."""
    before = (_FFT - length) // 2  # as torch.stft centres a shorter window
    window = functional.pad(torch.hann_window(length, dtype=torch.float64), (before, _FFT - length - before))
    turns = torch.outer(torch.arange(_FFT // 2 + 1), torch.arange(_FFT)).remainder(_FFT)
    angle = turns.double() * (2 * math.pi / _FFT)
    return (torch.cat((angle.cos(), angle.sin())) * window).float().unsqueeze(1)
