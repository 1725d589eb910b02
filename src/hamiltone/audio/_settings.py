"""The settings of frames and of augmentation."""

from typing import Literal

from pydantic import Field, model_validator

from hamiltone.settings_model import Settings

from ._frames import FRAME_SAMPLES, SILENT_PEAK, FrameRule
from ._loading import SAMPLE_RATE

NoiseColour = Literal["white", "pink"]
Range = tuple[float, float]

SPECTROGRAM_HOP, SPECTROGRAM_BINS = 128, 128
"""Samples from one column of the spectrogram to the next, and its bins of frequency."""

SPECTROGRAM_COLUMNS = FRAME_SAMPLES // SPECTROGRAM_HOP + 1
"""Of a frame's spectrogram, before zeros fill it up."""

_LOUDEST_DB = 100
_SLOWEST, _FASTEST = 0.5, 2.0
_MOST = {
    "shift_seconds": FRAME_SAMPLES // SAMPLE_RATE,
    "response_db": 40,
    "time_masks": 100,
    "time_mask_width": SPECTROGRAM_COLUMNS,
    "frequency_masks": 100,
    "frequency_mask_width": SPECTROGRAM_BINS,
}


class FrameSettings(Settings):
    """How recordings become frames of 4 s."""

    last: FrameRule = Field(default="drop_short", description="what becomes of a last frame")
    silent_peak: float = Field(
        default=SILENT_PEAK,
        ge=0,
        description="recordings whose peak above their offset is below are left out, and named",
    )
    random_offset: bool = Field(default=False, description="put short recordings at a random time, anew each epoch")


class AugmentationSettings(Settings):
    """What is changed at random in the training part, anew each epoch; off by default (docs/augmentation.md).

    All draws are uniform. Of a recording that is moved never more than half is lost, and no time mask is longer than
    half of it.

    Raises:
        ValueError: a number outside its range, ends in the wrong order, or no kind of noise.

    Source of the masks: Park et al. 2019, doi:10.21437/Interspeech.2019-2680; of the speed: Ko et al. 2015,
    doi:10.21437/Interspeech.2015-711.
    """

    shift_seconds: float = Field(default=0.0, description="moved in its frame by at most as much, to either side")
    speed: Range | None = Field(
        default=None, description="played so many times as fast, least to most", examples=[[0.9, 1.1]]
    )
    gain_db: Range | None = Field(default=None, description="gain, from least to most", examples=[[-6, 6]])
    response_db: float = Field(
        default=0.0, description="a microphone and a room: each octave louder or quieter by at most as many dB"
    )
    snr_db: Range | None = Field(default=None, description="speech over added noise, least to most", examples=[[5, 20]])
    noise: tuple[NoiseColour, ...] = Field(default=("white", "pink"), description="kinds of noise; one is drawn")
    time_masks: int = Field(default=0, description="how many stretches of time of the spectrogram are hidden")
    time_mask_width: int = Field(default=50, description="how long each is at most, in columns of 8 ms")
    frequency_masks: int = Field(default=0, description="how many bands are hidden")
    frequency_mask_width: int = Field(default=16, description="how wide each is at most, in bins of 62.5 Hz")

    @model_validator(mode="after")
    def _in_range(self) -> "AugmentationSettings":
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
        return self

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
        if self.response_db:
            told.append(f"frequency response up to {self.response_db:g} dB to either side in each octave")
        if self.snr_db is not None:
            told.append(f"{' or '.join(self.noise)} noise at an SNR of {self.snr_db[0]:g} to {self.snr_db[1]:g} dB")
        if self.time_masks:
            told.append(f"time masks ({self.time_masks}, up to {self.time_mask_width} columns)")
        if self.frequency_masks:
            told.append(f"frequency masks ({self.frequency_masks}, up to {self.frequency_mask_width} bins)")
        return ", ".join(told)
