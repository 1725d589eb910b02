"""A front of one's own, known under ``front.kind = "four-bands"``: four bands of the spectrogram as four channels.

    export HAMILTONE_EXTENSIONS=examples/extending/front.py
    hamiltone settings front
    hamiltone train run.toml front.kind=four-bands

Importing this file registers the front.
"""

import copy
from collections.abc import Iterable
from typing import Any, ClassVar

from jaxtyping import Bool, Float
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from hamiltone.networks import Front, Stage, register_front
from hamiltone.settings import FrontSettings
from hamiltone.speech import ConvolvedSpectrogram, Spectrogram


class FourBandsSettings(FrontSettings):
    """The spectrogram in decibels, averaged over times, its 128 bins as four channels of 32."""

    kind: str = Field(default="four-bands", description="the kind of front")
    times: PositiveInt = Field(default=64, description="how many times a map has; a part of 512")

    channels: ClassVar[tuple[str, ...]] = ("up to 2 kHz", "2 to 4 kHz", "4 to 6 kHz", "6 to 8 kHz")


@register_front(FourBandsSettings)
class FourBands(Front):
    """Waveform -> 4 x times x 32; it learns the mean and the deviation of the training part, and no more."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.shape = (4, times, 32)
        self.spectrogram: nn.Module = Spectrogram(scale="decibel", normalisation="standard")

    @classmethod
    def from_settings(cls, settings: FourBandsSettings) -> "FourBands":
        """A front that is not fitted yet."""
        return cls(settings.times)

    def settings(self) -> dict[str, Any]:
        """What ``from_settings`` needs to make it again."""
        return {"kind": self.kind, "times": self.times}

    def forward(
        self,
        x: Float[Tensor, "batch *shape"],
        stage: Stage = "waveform",
        masked: Bool[Tensor, "batch t f"] | None = None,
    ) -> Float[Tensor, "batch c t f"]:
        """The four channels, of waveforms or of what is four channels already."""
        if masked is not None:
            raise ValueError("this front has no spectrogram that masks could be laid over")
        if stage == "features":
            return x
        matrix = nn.functional.avg_pool2d(self.spectrogram(x), (512 // self.times, 1))
        return matrix.unflatten(3, (4, 32)).squeeze(1).movedim(2, 1)

    def fit(self, batches: Iterable[Float[Tensor, "_ sample"]]) -> None:
        """Fit the spectrogram's normalisation."""
        assert isinstance(self.spectrogram, Spectrogram)
        self.spectrogram.fit(batches)

    def for_export(self) -> "FourBands":
        """With a spectrogram that needs no Fourier transform, which exported programs lack."""
        front = copy.deepcopy(self)
        assert isinstance(self.spectrogram, Spectrogram)
        front.spectrogram = ConvolvedSpectrogram(self.spectrogram)
        return front
