"""Settings of fronts: what stands before the network, and makes feature maps of waveforms."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, SerializeAsAny

from hamiltone.corpus_settings import CorpusSettings, SplitSettings
from hamiltone.settings_model import Settings

from ._kinds import Kinds, KindSettings
from ._networks import Shape

Normalisation = Literal["unit", "standard", "none"]


class StatisticsSettings(Settings):
    """Whose training part gives the front's normalisation, where it is not the run's own."""

    corpus: CorpusSettings = Field(description="the corpus that recognisers are trained on")
    split: SplitSettings = Field(default=SplitSettings(), description="their split")


class FrontSettings(KindSettings):
    """What a kind of front is made of; each kind is a subclass, and its ``kind`` has a default, the kind's name.

    Attributes:
        learned: whether it is taken from an earlier run, which trained it.
        channels: the names of the feature maps' channels, for pictures.
        shape: channels, times and frequencies of the feature maps, to estimate times from; None where it varies.
    """

    source: str | None = Field(
        default=None, description="the run whose fitted front is taken over", examples=["runs/rh-emo-2"]
    )
    statistics: StatisticsSettings | None = Field(
        default=None, description="normalise as a recogniser of that corpus and split does, for orthogonal tasks"
    )
    trainable: bool = Field(default=False, description="train the RH-Emo encoder along with the network")

    learned: ClassVar[bool] = False
    channels: ClassVar[tuple[str, ...]]
    shape: ClassVar[Shape | None] = None


class SpectrogramSettings(FrontSettings):
    """The spectrogram alone."""

    kind: str = Field(default="spectrogram", description="the kind of front")
    scale: Literal["linear", "decibel"] | None = Field(
        default=None, description="linear, unless the source has another", examples=["decibel"]
    )
    normalisation: Normalisation | None = Field(
        default=None, description="unit (0 to 1) for RH-Emo, else standard (mean 0, deviation 1)", examples=["standard"]
    )
    time_reversed: bool | None = Field(default=None, description="no, unless the source has it so", examples=[True])

    usual_normalisation: ClassVar[Normalisation] = "standard"
    channels: ClassVar[tuple[str, ...]] = ("spectrogram",)
    shape: ClassVar[Shape | None] = (1, 512, 128)


class DerivativesSettings(SpectrogramSettings):
    """The spectrogram and its derivatives, as the four channels of quaternion networks."""

    kind: str = Field(default="derivatives", description="the kind of front")
    channels: ClassVar[tuple[str, ...]] = ("spectrogram", "change", "change of change", "slope")
    shape: ClassVar[Shape | None] = (4, 64, 64)


class RHEmoFrontSettings(SpectrogramSettings):
    """The spectrogram and the encoder of an RH-Emo that an earlier run trained."""

    kind: str = Field(default="rh-emo", description="the kind of front")
    usual_normalisation: ClassVar[Normalisation] = "unit"
    learned: ClassVar[bool] = True
    channels: ClassVar[tuple[str, ...]] = ("discrete", "valence", "arousal", "dominance")
    shape: ClassVar[Shape | None] = (4, 64, 64)


class LogMelSettings(FrontSettings):
    """Log-mel bands of the speech in a frame, free of its level, with their derivatives: four channels."""

    kind: str = Field(default="log-mel", description="the kind of front")
    bands: int = Field(default=64, ge=8, le=128, description="mel bands from 50 Hz to 8 kHz")
    normalisation: Literal["level", "band", "band_and_deviation"] = Field(
        default="level",
        description="subtract one mean of all bands (keeps the shape of the spectrum), one of each band, or divide "
        "each band by its deviation, too; over the speech in the frame",
    )
    speech_range: float = Field(
        default=40.0, gt=0, le=100, description="dB below the loudest column at which speech begins and ends"
    )
    speeds: tuple[PositiveFloat, ...] = Field(
        default=(1.0,),
        min_length=1,
        max_length=9,
        description="how many times as fast each frame is heard, 0.5 to 1.25 in steps of 0.0125, four channels for "
        "each; networks are trained at 1 "
        "alone, and ``hamiltone ensemble --speed`` makes one that averages over several",
        examples=[[0.9, 1.0, 1.1]],
    )

    channels: ClassVar[tuple[str, ...]] = ("log-mel bands", "change", "change of change", "slope")


FRONTS: Kinds[FrontSettings] = Kinds("front", "rh-emo")
"""All kinds of fronts."""
for _model in (SpectrogramSettings, DerivativesSettings, RHEmoFrontSettings, LogMelSettings):
    FRONTS.register(_model)

AnyFront = Annotated[SerializeAsAny[FrontSettings], BeforeValidator(FRONTS.parse)]
