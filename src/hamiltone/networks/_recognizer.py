"""The recogniser: waveform -> class scores, frames -> utterance."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hamiltone.audio import FrameRule

from ._bundle_config import BundleError
from ._ensemble import Ensemble
from ._front import Front, Stage
from ._network import Network

UNSURE = "unsure"
"""The label where a recogniser cannot tell: the highest score is too low, or there is no speech to hear."""


@dataclass(frozen=True)
class Recognition:
    """The scores of one recording.

    Attributes:
        labels: the classes.
        frames: probabilities of each frame, in time order.
        overall: their mean over the frames.
        label: the class with the highest overall score, or ``UNSURE``.
    """

    labels: tuple[str, ...]
    frames: Float[Tensor, "frame label"]
    overall: Float[Tensor, " label"]
    label: str


class Recognizer(nn.Module):
    """Waveform -> class scores: front and network as one module, so that what was trained is what is saved and used.

    Args:
        front: waveform -> feature maps.
        network: feature maps -> class scores.
        labels: the classes, in the order of the scores.
        frame_rule: what becomes of a recording's last frame, as in training (see ``hamiltone.audio.frame_bounds``).
        temperature: what scores are divided by before the softmax; 1 leaves probabilities as the network gives them,
            more makes them less sure (see ``hamiltone.measures.fit_temperature``).
        unsure_below: the highest score, of 0 to 1, below which the label is ``UNSURE``; 0: it never is.

    Raises:
        ValueError: the network does not take the front's features, or has not one score for each label; a temperature
            that is not positive, or a score that is none.
    """

    def __init__(
        self,
        front: Front,
        network: Network,
        labels: Sequence[str],
        *,
        frame_rule: FrameRule = "drop_short",
        temperature: float = 1.0,
        unsure_below: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 < temperature < math.inf:
            raise ValueError(f"temperature must be positive, not {temperature}")
        if not 0 <= unsure_below <= 1:
            raise ValueError(f"unsure_below must be a score of 0 to 1, not {unsure_below}")
        if network.input_shape != front.shape:
            raise ValueError(f"the network takes {list(network.input_shape)}, but the front gives {list(front.shape)}")
        if network.classes != len(labels):
            raise ValueError(f"the network has {network.classes} scores for {len(labels)} labels")
        self.front = front
        self.network = network
        self.labels = tuple(labels)
        self.frame_rule: FrameRule = frame_rule
        self.temperature = temperature
        self.unsure_below = unsure_below

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

    def label(self, probabilities: Sequence[float], *, speech: bool = True) -> str:
        """The class with the highest probability; ``UNSURE`` where that is too low, or where there is no speech."""
        highest = max(range(len(self.labels)), key=probabilities.__getitem__)
        return self.labels[highest] if speech and probabilities[highest] >= self.unsure_below else UNSURE

    def restricted(self, labels: Sequence[str]) -> "Recognizer":
        """One that chooses from some of its classes, whose probabilities then sum to 1; it shares front and network.

        Raises:
            ValueError: fewer than two classes, one named twice, or one that it does not know.
        """
        if unknown := [label for label in labels if label not in self.labels]:
            raise ValueError(f"{unknown[0]!r} is no class of this recogniser, which knows {', '.join(self.labels)}")
        if len(labels) < 2 or len({*labels}) < len(labels):
            raise ValueError(f"{', '.join(labels)}: name two classes at least, each once")
        classes = [self.labels.index(label) for label in labels]
        return self._with(self.front, Ensemble.restricted(self.network, classes), labels)

    def at_speeds(self, speeds: Sequence[float]) -> "Recognizer":
        """One that hears each frame at several speeds, and averages its probabilities; it shares the network's weights.

        Args:
            speeds: how many times as fast, such as 0.9, 1 and 1.1: of the recording as it is, whatever speeds this one
                has.

        Raises:
            ValueError: a front that cannot (see ``Front.at_speeds``), or speeds that it does not take.
        """
        return self._with(self.front.at_speeds(speeds), Ensemble.copied(self.network, len(speeds))).eval()

    @torch.no_grad()
    def adapted(self, batches: Iterable[Float[Tensor, "_ sample"]]) -> "Recognizer":
        """A recogniser that hears one speaker better; nothing needs to be known of these recordings but the speaker.

        Args:
            batches: frames of the speaker (of 64,000 samples, zero-padded), in batches; the more emotions are among
                them, the better.

        Raises:
            ValueError: no frame at all, or a network that cannot be adapted.
        """
        self.eval()
        device = next(self.network.parameters()).device
        features = [self.front(batch.to(device)) for batch in batches]
        if not features:
            raise ValueError("no frame of the speaker to adapt to")
        return self._with(self.front, self.network.adapted(features)).eval()

    def _with(self, front: Front, network: Network, labels: Sequence[str] | None = None) -> "Recognizer":
        """Another front and network (and labels) by the same rules."""
        return Recognizer(
            front,
            network,
            self.labels if labels is None else labels,
            frame_rule=self.frame_rule,
            temperature=self.temperature,
            unsure_below=self.unsure_below,
        )

    @torch.no_grad()
    def recognize(self, batches: Iterable[Float[Tensor, "_ sample"]]) -> Recognition:
        """The scores of one recording, given its frames (of 64,000 samples, zero-padded) in batches.

        Raises:
            ValueError: no frame at all.
            BundleError: weights that give NaN.
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
        if not frames.isfinite().all():
            raise BundleError("the model gives scores that are no numbers: its weights are damaged or were never sound")
        overall = frames.mean(dim=0)
        return Recognition(self.labels, frames, overall, self.label(overall.tolist()))
