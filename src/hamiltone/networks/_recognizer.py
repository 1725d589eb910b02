"""The recognizer: waveform -> class scores, frames -> utterance."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hamiltone.audio import FrameRule
from hamiltone.speech import Spectrogram

from ._derivatives import Derivatives
from ._keys import weights_key
from ._rh_emo import EMBEDDING_SHAPE, RHEmoEncoder
from ._vgg import VGG

Stage = Literal["waveform", "spectrogram", "features"]
FrontKind = Literal["spectrogram", "derivatives", "rh-emo"]
SPECTROGRAM_SHAPE = (1, 512, 128)


class Front(nn.Module):
    """What stands before a VGG: the spectrogram and, where there is one, what makes four channels of it.

    A front that is not trainable is frozen for good: its parameters ask for no gradient and it stays in eval mode
    whatever its owner is set to, so that its batch norms do not drift (REFERENCE section 7, mistake 0).

    Args:
        spectrogram: waveform -> 512 x 128.
        encoder: spectrogram -> four channels of 64 x 64: an RH-Emo encoder, or the spectrogram's derivatives.
        trainable: go on training the RH-Emo encoder.
    """

    def __init__(
        self, spectrogram: Spectrogram, encoder: RHEmoEncoder | Derivatives | None = None, *, trainable: bool = False
    ) -> None:
        super().__init__()
        self.spectrogram = spectrogram
        self.encoder = encoder
        self.trainable = trainable and isinstance(encoder, RHEmoEncoder)
        if encoder is not None:
            encoder.requires_grad_(self.trainable)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Front":
        """Set the mode; a frozen front stays in eval mode."""
        return super().train(mode and self.trainable)

    def forward(
        self,
        x: Float[Tensor, "batch *shape"],
        stage: Stage = "waveform",
        masked: Bool[Tensor, "batch 512 128"] | None = None,
    ) -> Float[Tensor, "batch c t f"]:
        """Go the rest of the way from ``stage`` (what ``x`` already is) to the features that a VGG takes.

        Args:
            x: waveforms, spectrograms or features.
            stage: which of them.
            masked: where the spectrogram, time running forwards, is set to 0 (SpecAugment); None: nowhere.

        Raises:
            ValueError: masks for features, whose spectrogram is gone.
        """
        if stage == "waveform":
            x = self.spectrogram(x)
        if masked is not None:
            if stage == "features":
                raise ValueError("masks hide parts of a spectrogram: they cannot be laid over features")
            x = x.masked_fill((masked.flip(1) if self.spectrogram.time_reversed else masked).unsqueeze(1), 0)
        if stage != "features" and self.encoder is not None:
            x = self.encoder(x)
        return x

    @property
    def kind(self) -> FrontKind:
        """What a network behind this front sees."""
        if self.encoder is None:
            return "spectrogram"
        return "rh-emo" if isinstance(self.encoder, RHEmoEncoder) else "derivatives"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, time and frequency of the features."""
        return SPECTROGRAM_SHAPE if self.encoder is None else EMBEDDING_SHAPE

    @property
    def frozen_stage(self) -> Stage:
        """How far an input can be computed once and stored: the encoder's output, unless it is being trained."""
        return "spectrogram" if self.trainable else "features"

    def encoder_key(self) -> str:
        """A key of the encoder's weights and statistics; empty without encoder."""
        return "" if self.encoder is None else weights_key(self.encoder)

    def settings(self) -> dict[str, Any]:
        """What makes a front of this shape again (JSON-able), weights apart."""
        return {
            "spectrogram": self.spectrogram.settings(),
            "kind": self.kind,
            "trainable": self.trainable,
        }


@dataclass(frozen=True)
class Recognition:
    """The scores of one recording.

    Attributes:
        labels: the classes.
        frames: probabilities of each frame, in time order.
        overall: their mean over the frames (REFERENCE section 1).
    """

    labels: tuple[str, ...]
    frames: Float[Tensor, "frame label"]
    overall: Float[Tensor, " label"]

    @property
    def label(self) -> str:
        """The class with the highest overall score."""
        return self.labels[int(self.overall.argmax())]


class Recognizer(nn.Module):
    """Waveform -> class scores: front and VGG as one module, so that what was trained is what is saved and used.

    Args:
        front: spectrogram and, where there is one, RH-Emo encoder.
        network: a VGG for the front's features.
        labels: the classes, in the order of the scores.
        frame_rule: what becomes of a recording's last frame, as in training (see ``hamiltone.speech.frame_bounds``).
        temperature: what scores are divided by before the softmax; 1 leaves probabilities as the network gives them,
            more makes them less sure (see ``hamiltone.measures.fit_temperature``).

    Raises:
        ValueError: the network does not take the front's features, or has not one score for each label; a temperature
            that is not positive.
    """

    def __init__(
        self,
        front: Front,
        network: VGG,
        labels: Sequence[str],
        *,
        frame_rule: FrameRule = "drop_short",
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        if not 0 < temperature < math.inf:
            raise ValueError(f"temperature must be positive, not {temperature}")
        settings = network.settings()
        if tuple(settings["input_shape"]) != front.shape:
            raise ValueError(f"the network takes {settings['input_shape']}, but the front gives {list(front.shape)}")
        if settings["classes"] != len(labels):
            raise ValueError(f"the network has {settings['classes']} scores for {len(labels)} labels")
        self.front = front
        self.network = network
        self.labels = tuple(labels)
        self.frame_rule: FrameRule = frame_rule
        self.temperature = temperature

    def forward(
        self,
        x: Float[Tensor, "batch *shape"],
        stage: Stage = "waveform",
        masked: Bool[Tensor, "batch 512 128"] | None = None,
    ) -> Float[Tensor, "batch label"]:
        """Class scores (before the softmax) of frames of 4 s at 16 kHz, or of what a front's stage made of them.

        ``masked`` is for training, as :class:`Front` takes it.
        """
        return self.network(self.front(x, stage, masked))

    def probabilities(self, scores: Float[Tensor, "batch label"]) -> Float[Tensor, "batch label"]:
        """Class probabilities for class scores, with the temperature."""
        return (scores / self.temperature).softmax(dim=1)

    @torch.no_grad()
    def recognize(self, batches: Iterable[Float[Tensor, "_ sample"]]) -> Recognition:
        """The scores of one recording, given its frames (of 64,000 samples, zero-padded) in batches.

        Raises:
            ValueError: no frame at all.
        """
        training = self.training
        self.eval()
        try:
            device = next(self.network.parameters()).device
            parts = [self.probabilities(self(batch.to(device)).float()).cpu() for batch in batches]
        finally:
            self.train(training)
        if not parts:
            raise ValueError("no frame to recognize")
        frames = torch.cat(parts)
        return Recognition(self.labels, frames, frames.mean(dim=0))
