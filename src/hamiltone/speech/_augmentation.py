"""Augmentation: a recording in its frame of 4 s, changed at random each time that it is trained on."""

from typing import NamedTuple

import numpy as np
import soxr
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hamiltone.audio import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    SPECTROGRAM_BINS,
    SPECTROGRAM_COLUMNS,
    SPECTROGRAM_HOP,
    AugmentationSettings,
    NoiseColour,
)

from ._spectrogram import TIMES

OCTAVES = (125, 250, 500, 1000, 2000, 4000, 8000)
"""Frequencies in Hz at which a frequency response is drawn."""


class Augmented(NamedTuple):
    """A frame as a network is to see it: its waveform, and what is hidden (True) of its spectrogram, if anything."""

    waveform: Float[Tensor, " 64000"]
    masked: Bool[Tensor, "512 128"] | None


def augment(
    recording: Float[Tensor, " sample"], offset: int, choice: AugmentationSettings, generator: torch.Generator
) -> Augmented:
    """Draw one change of a recording: of its own samples, of its place in the frame, then masks.

    Args:
        recording: its samples at 16 kHz without padding, at most 64,000.
        offset: where it begins in the frame before it is shifted; earlier where a slowed recording would leave it.
        choice: what may be changed.
        generator: of all draws, so that an equal state gives an equal result.
    """
    if choice.speed is not None:
        recording = change_speed(recording, _uniform(choice.speed, generator).item())[:FRAME_SAMPLES]
        offset = min(offset, FRAME_SAMPLES - len(recording))
    batch = recording.unsqueeze(0)
    if choice.response_db:
        decibel = choice.response_db * (2 * torch.rand(len(OCTAVES), generator=generator, dtype=torch.float64) - 1)
        batch = change_response(batch, decibel)
    if choice.snr_db is not None:
        colour = choice.noise[_integer(0, len(choice.noise) - 1, generator)]
        snr = _uniform(choice.snr_db, generator)
        batch = add_noise(batch, draw_noise(colour, 1, len(recording), generator), snr)
    if choice.gain_db is not None:
        batch = change_gain(batch, _uniform(choice.gain_db, generator))
    if choice.shift_seconds:
        offset += _shift(len(recording), offset, choice.shift_seconds, generator)
    waveform = place_in_frame(batch, offset)[0]
    if not (choice.time_masks or choice.frequency_masks):
        return Augmented(waveform, None)
    first = max(0, offset) // SPECTROGRAM_HOP
    stop = min(-(-(offset + len(recording)) // SPECTROGRAM_HOP), SPECTROGRAM_COLUMNS)
    return Augmented(waveform, _draw_masks(first, stop, choice, generator))


def change_speed(recording: Float[Tensor, " sample"], factor: float) -> Float[Tensor, " changed"]:
    """A recording played ``factor`` times as fast: as many times shorter, and higher."""
    return torch.from_numpy(soxr.resample(recording.numpy(), SAMPLE_RATE * factor, SAMPLE_RATE, quality="MQ"))


def change_gain(
    waveform: Float[Tensor, "batch sample"], decibel: Float[Tensor, " batch"]
) -> Float[Tensor, "batch sample"]:
    """Waveforms, each made louder by as many dB (20 log10 of the factor); nothing is clipped."""
    return waveform * (10 ** (decibel / 20)).to(waveform.dtype).unsqueeze(1)


def change_response(
    waveform: Float[Tensor, "batch sample"], decibel: Float[Tensor, " octave"]
) -> Float[Tensor, "batch sample"]:
    """Waveforms through a filter without delay whose gain at each of ``OCTAVES`` is as many dB, and a line between.

    It is a line of dB over the logarithm of the frequency, and flat below the first and above the last of them.
    """
    samples = waveform.shape[1]
    length = _fast_length(samples)
    frequencies = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    gains = np.interp(np.log2(np.maximum(frequencies, 1)), np.log2(OCTAVES), decibel.numpy())
    spectrum = torch.fft.rfft(waveform, n=length) * torch.from_numpy(10 ** (gains / 20)).to(waveform.dtype)
    return torch.fft.irfft(spectrum, n=length)[:, :samples]


def add_noise(
    waveform: Float[Tensor, "batch sample"], noise: Float[Tensor, "batch sample"], snr: Float[Tensor, " batch"]
) -> Float[Tensor, "batch sample"]:
    """Waveforms with noise, scaled so that each waveform's power is ``snr`` dB above its noise's.

    Power is the mean square over all samples, so waveforms come without padding. To silence nothing is added.
    """
    power, unscaled = (values.double().square().mean(dim=1) for values in (waveform, noise))
    wanted = power / 10 ** (snr.double() / 10)
    scale = torch.where(unscaled > 0, wanted / unscaled, 0).sqrt()
    return waveform + (scale.unsqueeze(1) * noise).to(waveform.dtype)


def draw_noise(
    colour: NoiseColour, count: int, samples: int, generator: torch.Generator
) -> Float[Tensor, "batch sample"]:
    """``count`` waveforms of Gaussian noise: white, or pink, whose power falls by 3 dB an octave.

    White noise has a power of 1; the power of pink noise depends on its length: scale it (``add_noise``).
    """
    if colour == "white":
        return torch.randn(count, samples, generator=generator)
    # A Fourier transform of awkward length takes several times as long, so the noise is made longer and cut.
    length = _fast_length(samples)
    spectrum = torch.fft.rfft(torch.randn(count, length, generator=generator))
    spectrum[:, 0] = 0
    spectrum[:, 1:] /= torch.arange(1, spectrum.shape[1]).sqrt()
    return torch.fft.irfft(spectrum, n=length)[:, :samples]


def place_in_frame(waveform: Float[Tensor, "batch sample"], offset: int) -> Float[Tensor, "batch 64000"]:
    """Frames of zeros with the waveforms from ``offset`` on, which may be negative; what lies outside is lost."""
    frame = waveform.new_zeros(len(waveform), FRAME_SAMPLES)
    first, stop = max(0, offset), min(FRAME_SAMPLES, offset + waveform.shape[1])
    if first < stop:
        frame[:, first:stop] = waveform[:, first - offset : stop - offset]
    return frame


def _shift(samples: int, offset: int, most_seconds: float, generator: torch.Generator) -> int:
    most, half = round(most_seconds * SAMPLE_RATE), samples // 2
    return _integer(max(-most, -offset - half), min(most, FRAME_SAMPLES - offset - samples + half), generator)


def _draw_masks(
    first: int, stop: int, choice: AugmentationSettings, generator: torch.Generator
) -> Bool[Tensor, "512 128"]:
    """True where the spectrogram is hidden; ``first`` and ``stop`` are the columns that hold the recording."""
    masked = torch.zeros(TIMES, SPECTROGRAM_BINS, dtype=torch.bool)
    longest = min(choice.time_mask_width, (stop - first) // 2)
    for _ in range(choice.time_masks):
        start, end = _stretch(first, stop, longest, generator)
        masked[start:end] = True
    for _ in range(choice.frequency_masks):
        start, end = _stretch(0, SPECTROGRAM_BINS, choice.frequency_mask_width, generator)
        masked[:, start:end] = True
    return masked


def _stretch(first: int, stop: int, longest: int, generator: torch.Generator) -> tuple[int, int]:
    """A stretch within first..stop: its length is drawn from 0..longest, then its place."""
    length = _integer(0, longest, generator)
    start = _integer(first, stop - length, generator)
    return start, start + length


def _integer(least: int, most: int, generator: torch.Generator) -> int:
    return int(torch.randint(least, most + 1, (), generator=generator))


def _uniform(ends: tuple[float, float], generator: torch.Generator) -> Float[Tensor, "1"]:
    return ends[0] + (ends[1] - ends[0]) * torch.rand(1, generator=generator, dtype=torch.float64)


def _fast_length(samples: int) -> int:
    """At least as many, for which a Fourier transform is quick."""
    from scipy.fft import next_fast_len  # noqa: PLC0415 - slow to import

    return int(next_fast_len(samples, real=True) or samples)
