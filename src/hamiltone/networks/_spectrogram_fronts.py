"""Fronts upon the spectrogram: itself, its derivatives, or an RH-Emo's encoder."""

import copy
from collections.abc import Iterable
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn

from hamiltone.settings import DerivativesSettings, RHEmoFrontSettings, SpectrogramSettings
from hamiltone.speech import ConvolvedSpectrogram, Spectrogram

from ._derivatives import Derivatives
from ._front import Front, Stage, register_front
from ._network import Shape
from ._rh_emo import EMBEDDING_SHAPE, RHEmoEncoder

SPECTROGRAM_SHAPE: Shape = (1, 512, 128)


def spectrogram_from(settings: SpectrogramSettings) -> Spectrogram:
    """The spectrogram that the settings of a front upon it ask for, not fitted yet."""
    return Spectrogram(
        scale=settings.scale or "linear",
        normalisation=settings.normalisation or settings.usual_normalisation,
        time_reversed=bool(settings.time_reversed),
    )


@register_front(SpectrogramSettings)
class SpectrogramFront(Front):
    """The spectrogram alone: waveform -> 1 x 512 x 128.

    Args:
        spectrogram: waveform -> 512 x 128.
        encoder: of the kinds upon it, spectrogram -> four channels of 64 x 64.
    """

    shape = SPECTROGRAM_SHAPE

    def __init__(self, spectrogram: Spectrogram, encoder: nn.Module | None = None) -> None:
        super().__init__()
        self.spectrogram = spectrogram
        self.encoder = encoder
        self.set_trainable(False)

    @classmethod
    def from_settings(cls, settings: SpectrogramSettings) -> "SpectrogramFront":
        """Its spectrogram not fitted yet."""
        return cls(spectrogram_from(settings))

    def settings(self) -> dict[str, Any]:
        """Kind, the spectrogram's settings, and whether the encoder is trained."""
        return {"kind": self.kind, **self.spectrogram.settings(), "trainable": self.trainable}

    def forward(
        self,
        x: Float[Tensor, "batch *shape"],
        stage: Stage = "waveform",
        masked: Bool[Tensor, "batch 512 128"] | None = None,
    ) -> Float[Tensor, "batch c t f"]:
        """Go the rest of the way from ``stage`` to the feature maps; see :class:`Front`."""
        if stage == "waveform":
            x = self.spectrogram(x)
        if masked is not None:
            if stage == "features":
                raise ValueError("masks hide parts of a spectrogram: they cannot be laid over features")
            x = x.masked_fill((masked.flip(1) if self.spectrogram.time_reversed else masked).unsqueeze(1), 0)
        if stage != "features" and self.encoder is not None:
            x = self.encoder(x)
        return x

    def fit(self, batches: Iterable[Float[Tensor, "_ sample"]]) -> None:
        """Fit the spectrogram's normalisation."""
        self.spectrogram.fit(batches)

    def up_to(self, stage: Stage) -> Spectrogram | Front:
        """The spectrogram, or the whole front."""
        return self.spectrogram if stage == "spectrogram" else super().up_to(stage)

    def for_export(self) -> Front:
        """With a spectrogram that needs no Fourier transform."""
        front = copy.deepcopy(self)
        front.spectrogram = ConvolvedSpectrogram(self.spectrogram)
        return front

    @property
    def time_reversed(self) -> bool:
        """As its spectrogram has it."""
        return self.spectrogram.time_reversed

    @property
    def columns(self) -> float:
        """Of a spectrogram's 512 columns, 500 are sound."""
        return self.shape[1] * 500 / 512

    @property
    def frozen_stage(self) -> Stage:
        """The encoder's output, unless it is being trained."""
        return "spectrogram" if self.trainable else "features"


@register_front(DerivativesSettings)
class DerivativesFront(SpectrogramFront):
    """The spectrogram and its derivatives: waveform -> 4 x 64 x 64, without training."""

    shape = EMBEDDING_SHAPE

    def __init__(self, spectrogram: Spectrogram) -> None:
        super().__init__(spectrogram, Derivatives())


@register_front(RHEmoFrontSettings)
class RHEmoFront(SpectrogramFront):
    """The spectrogram and an RH-Emo's encoder: waveform -> 4 x 64 x 64.

    Args:
        spectrogram: the one that RH-Emo was trained on.
        encoder: RH-Emo's.
        trainable: go on training the encoder.
    """

    shape = EMBEDDING_SHAPE

    def __init__(self, spectrogram: Spectrogram, encoder: RHEmoEncoder, *, trainable: bool = False) -> None:
        super().__init__(spectrogram, encoder)
        self.set_trainable(trainable)

    @classmethod
    def from_settings(cls, settings: SpectrogramSettings) -> "RHEmoFront":
        """Spectrogram and encoder as they are before training."""
        return cls(spectrogram_from(settings), RHEmoEncoder(), trainable=settings.trainable)
