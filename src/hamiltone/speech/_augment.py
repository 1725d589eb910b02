"""Augmentation: a recording in its frame of 4 s, changed at random each time that it is trained on."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import soxr
import torch
from jaxtyping import Bool, Float
from scipy.fft import next_fast_len
from torch import Tensor

from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE

from ._spectrogram import BINS, HOP, TIMES

NoiseColour = Literal["white", "pink"]
Range = tuple[float, float]

_COLUMNS = FRAME_SAMPLES // HOP + 1  # of a frame's spectrogram, before zeros fill it up
_LOUDEST_DB = 100
_SLOWEST, _FASTEST = 0.5, 2.0
_MOST = {
    "shift_seconds": FRAME_SAMPLES // SAMPLE_RATE,
    "time_masks": 100,
    "time_mask_width": _COLUMNS,
    "frequency_masks": 100,
    "frequency_mask_width": BINS,
}


@dataclass(frozen=True)
class Augmentation:
    """What may be changed of a recording, and how far; the defaults change nothing. All draws are uniform.

    Attributes:
        shift_seconds: the recording is moved in its frame by at most as much, to either side. What leaves the frame is
            lost, but never more than half of the recording; zeros come in.
        speed: the recording is played so many times as fast, from least to most: shorter and higher above 1.
        gain_db: the gain, from least to most.
        snr_db: the recording's power over that of added noise, from least to most.
        noise: the kinds of noise among which one is drawn.
        time_masks: how many stretches of the spectrogram's time are hidden (SpecAugment), all within the recording.
        time_mask_width: how long each is at most, in columns of 8 ms; never longer than half of the recording.
        frequency_masks: how many bands are hidden.
        frequency_mask_width: how wide each is at most, in bins of 62.5 Hz.

    Raises:
        ValueError: a number outside its range, ends in the wrong order, or no kind of noise.

    Source of the masks: Park et al. 2019, doi:10.21437/Interspeech.2019-2680; of the speed: Ko et al. 2015,
    doi:10.21437/Interspeech.2015-711.
    """

    shift_seconds: float = 0.0
    speed: Range | None = None
    gain_db: Range | None = None
    snr_db: Range | None = None
    noise: tuple[NoiseColour, ...] = ("white", "pink")
    time_masks: int = 0
    time_mask_width: int = 50
    frequency_masks: int = 0
    frequency_mask_width: int = 16

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from 0 to {most}")
        if self.speed is not None and not _SLOWEST <= self.speed[0] <= self.speed[1] <= _FASTEST:
            raise ValueError(f"speed takes the least and the most, in this order, both from {_SLOWEST} to {_FASTEST}")
        for name, ends in (("gain_db", self.gain_db), ("snr_db", self.snr_db)):
            if ends is not None and not -_LOUDEST_DB <= ends[0] <= ends[1] <= _LOUDEST_DB:
                raise ValueError(
                    f"{name} takes the least and the most, in this order, both from -{_LOUDEST_DB} to {_LOUDEST_DB} dB"
                )
        if not self.noise:
            raise ValueError("noise names no kind: leave it out, or leave snr_db out")

    @property
    def changes(self) -> bool:
        """Whether anything is changed at all."""
        return str(self) != ""

    def __str__(self) -> str:
        """What is changed, in words."""
        told = []
        if self.shift_seconds:
            told.append(f"time shift up to {self.shift_seconds:g} s")
        if self.speed is not None:
            told.append(f"speed {self.speed[0]:g} to {self.speed[1]:g}")
        if self.gain_db is not None:
            told.append(f"gain {self.gain_db[0]:g} to {self.gain_db[1]:g} dB")
        if self.snr_db is not None:
            told.append(f"{' or '.join(self.noise)} noise at an SNR of {self.snr_db[0]:g} to {self.snr_db[1]:g} dB")
        if self.time_masks:
            told.append(f"time masks ({self.time_masks}, up to {self.time_mask_width} columns)")
        if self.frequency_masks:
            told.append(f"frequency masks ({self.frequency_masks}, up to {self.frequency_mask_width} bins)")
        return ", ".join(told)


class Augmented(NamedTuple):
    """A frame as a network is to see it: its waveform, and what is hidden (True) of its spectrogram, if anything."""

    waveform: Float[Tensor, " 64000"]
    masked: Bool[Tensor, "512 128"] | None


def augment(
    recording: Float[Tensor, " sample"], offset: int, choice: Augmentation, generator: torch.Generator
) -> Augmented:
    """Draw one change of a recording: speed, noise and gain of its own samples, its place in the frame, then masks.

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
    first = max(0, offset) // HOP
    stop = min(-(-(offset + len(recording)) // HOP), _COLUMNS)
    return Augmented(waveform, _draw_masks(first, stop, choice, generator))


def change_speed(recording: Float[Tensor, " sample"], factor: float) -> Float[Tensor, " changed"]:
    """A recording played ``factor`` times as fast: as many times shorter, and higher."""
    return torch.from_numpy(soxr.resample(recording.numpy(), SAMPLE_RATE * factor, SAMPLE_RATE, quality="MQ"))


def change_gain(
    waveform: Float[Tensor, "batch sample"], decibel: Float[Tensor, " batch"]
) -> Float[Tensor, "batch sample"]:
    """Waveforms, each made louder by as many dB (20 log10 of the factor); nothing is clipped."""
    return waveform * (10 ** (decibel / 20)).to(waveform.dtype).unsqueeze(1)


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
    length = int(next_fast_len(samples, real=True) or samples)
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


def _draw_masks(first: int, stop: int, choice: Augmentation, generator: torch.Generator) -> Bool[Tensor, "512 128"]:
    """True where the spectrogram is hidden; ``first`` and ``stop`` are the columns that hold the recording."""
    masked = torch.zeros(TIMES, BINS, dtype=torch.bool)
    longest = min(choice.time_mask_width, (stop - first) // 2)
    for _ in range(choice.time_masks):
        start, end = _stretch(first, stop, longest, generator)
        masked[start:end] = True
    for _ in range(choice.frequency_masks):
        start, end = _stretch(0, BINS, choice.frequency_mask_width, generator)
        masked[:, start:end] = True
    return masked


def _stretch(first: int, stop: int, longest: int, generator: torch.Generator) -> tuple[int, int]:
    """A stretch within first..stop: its length is drawn from 0..longest, then its place."""
    length = _integer(0, longest, generator)
    start = _integer(first, stop - length, generator)
    return start, start + length


def _integer(least: int, most: int, generator: torch.Generator) -> int:
    return int(torch.randint(least, most + 1, (), generator=generator))


def _uniform(ends: Range, generator: torch.Generator) -> Float[Tensor, "1"]:
    return ends[0] + (ends[1] - ends[0]) * torch.rand(1, generator=generator, dtype=torch.float64)
