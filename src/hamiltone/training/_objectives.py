"""Objectives: what is trained and on what loss, a recogniser (with or without anti-transfer) or RH-Emo."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import reduce

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.antitransfer import AntiTransferLoss
from hamiltone.measures import accuracy, unweighted_average_recall
from hamiltone.networks import AXES, Front, Recognizer, RHEmo, Stage, rh_emo_loss, rh_emo_losses
from hamiltone.settings import OptimisationSettings, RHEmoSettings

from ._batches import Batch, Part
from ._errors import TrainingError
from ._mixing import mixup, soft_targets
from ._speaker_reversal import SpeakerReversal

Losses = Mapping[str, Float[Tensor, ""]]


class Objective(ABC):
    """A module and the loss it is trained on.

    Attributes:
        module: what is trained.
        monitored: the validation value that early stopping watches.
        first_epoch: the first whose weights may be kept: from it on the loss is whole.
        epoch: the one that batches are of, counted from 1.
    """

    module: nn.Module
    monitored: str
    first_epoch: int = 1
    epoch: int = 1

    def to(self, device: torch.device) -> None:
        """Bring everything that the loss needs to a device."""
        self.module.to(device)

    @abstractmethod
    def losses(self, module: nn.Module, batch: Batch) -> Losses:
        """``loss``, which is minimised, and its terms. ``module`` is :attr:`module`, perhaps wrapped for devices."""

    @abstractmethod
    def validate(self, part: Part, device: torch.device, size: int) -> dict[str, float]:
        """The same values and the measures, over a whole part, in eval mode."""


class Classification(Objective):
    """Cross-entropy of a recogniser's scores, plus the anti-transfer term where one is given (equation 2).

    Args:
        recognizer: what is trained.
        anti_transfer: attached to the recogniser's network.
        training: what early stopping watches, label smoothing and mixup.
        first_epoch: the first in which the anti-transfer term is trained on.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        anti_transfer: AntiTransferLoss | None = None,
        training: OptimisationSettings = OptimisationSettings(),  # noqa: B008 - settings never change
        first_epoch: int = 1,
    ) -> None:
        self.module = self._recognizer = recognizer
        self.monitored = monitored = training.monitor
        self._training = training
        self.first_epoch = first_epoch
        self._anti_transfer = anti_transfer
        self._validate_term = anti_transfer is not None and monitored == "loss"
        self._speakers: Int[Tensor, " frame"] | None = None
        self._speaker_count = 0

    def reverse_speakers(self, train: Part, weight: float) -> None:
        """Train against what tells the training part's speakers apart (see :class:`SpeakerReversal`), too.

        Raises:
            TrainingError: a clip without a speaker, or one speaker only.
        """
        index, names = pd.factorize(train.utterances.table["speaker"], sort=True)
        if nameless := int((index < 0).sum()):
            raise TrainingError(
                f"training.speaker_reversal: {nameless} training clips have no speaker; name all, or leave it out"
            )
        if len(names) < 2:
            raise TrainingError(
                "training.speaker_reversal: one speaker trains, whom nothing tells from others; leave it out"
            )
        self._speakers = torch.zeros(int(train.rows.max()) + 1, dtype=torch.long)
        self._speakers[torch.from_numpy(train.rows)] = torch.from_numpy(index)[torch.from_numpy(train.owner)]
        self._speaker_count = len(names)
        self.module = SpeakerReversal(self._recognizer, len(names), weight)

    def to(self, device: torch.device) -> None:
        """Bring the recogniser and the frozen network to a device."""
        super().to(device)
        if self._anti_transfer is not None:
            self._anti_transfer.to(device)

    def losses(self, module: nn.Module, batch: Batch) -> Losses:
        """Cross-entropy, anti-transfer term and that of the speakers, of a batch of frames."""
        inputs, targets, speakers = self._mixed(batch)
        scores, speaker_scores = module(*inputs), None
        if speakers is not None:
            scores, speaker_scores = scores
        terms = {"cross_entropy": functional.cross_entropy(scores.float(), targets)}
        if self._anti_transfer is not None:
            on, off = self.epoch >= self.first_epoch, torch.zeros_like(terms["cross_entropy"])
            terms["anti_transfer"] = self._term(self._anti_transfer, batch) if on else off
        if speaker_scores is not None and speakers is not None:
            terms["speaker_cross_entropy"] = functional.cross_entropy(speaker_scores.float(), speakers)
        return {"loss": reduce(operator.add, terms.values()), **terms}

    def _mixed(self, batch: Batch) -> tuple[tuple[Tensor, Stage, Tensor | None], Tensor, Tensor | None]:
        """What the module takes, and the targets: classes, or probabilities with label smoothing or mixup; speakers."""
        choice, count = self._training, len(self._recognizer.labels)
        x, stage, masked = batch.x, batch.stage, batch.masked
        targets = batch.classes
        speakers = None if self._speakers is None else self._speakers[batch.rows].to(targets.device)
        if choice.mixup or choice.label_smoothing:
            targets = soft_targets(targets, count, choice.label_smoothing)
        if choice.mixup:
            # Of what the front gives: waveforms of two speakers would be a conversation.
            with torch.no_grad():
                x, stage, masked = self._recognizer.front(x, stage, masked), "features", None
            if speakers is not None:  # two are in each example, as two classes are
                targets = torch.cat([targets, soft_targets(speakers, self._speaker_count, 0.0)], dim=1)
            x, mixed = mixup(x, targets, choice.mixup)
            targets, speakers = mixed[:, :count], None if speakers is None else mixed[:, count:]
        return (x, stage, masked), targets, speakers

    def validate(self, part: Part, device: torch.device, size: int) -> dict[str, float]:
        """Values over clips: a clip's probabilities are the mean over its frames."""
        probabilities, term = self._run(part, device, size)
        truth = part.classes
        cross_entropy = functional.nll_loss(probabilities.clamp(min=1e-12).log(), truth).item()
        predicted = probabilities.argmax(dim=1)
        values = {
            "loss": cross_entropy + term,
            "cross_entropy": cross_entropy,
            "accuracy": accuracy(truth.numpy(), predicted.numpy()),
            "uar": unweighted_average_recall(truth.numpy(), predicted.numpy()),
        }
        return values | ({"anti_transfer": term} if self._validate_term else {})

    def probabilities(self, part: Part, device: torch.device, size: int) -> Float[Tensor, "utterance label"]:
        """Class probabilities of each utterance of a part."""
        return self._run(part, device, size)[0]

    @staticmethod
    def _term(anti_transfer: AntiTransferLoss, batch: Batch) -> Float[Tensor, ""]:
        return anti_transfer(index=batch.rows) if anti_transfer.stored else anti_transfer()

    @torch.no_grad()
    def _run(self, part: Part, device: torch.device, size: int) -> tuple[Float[Tensor, "utterance label"], float]:
        term = 0.0
        scores = []
        with _evaluating(self.module):
            for batch in part.in_order(size):
                placed = batch.to(device)
                scores.append(self._recognizer.probabilities(self.module(placed.x, placed.stage).cpu().double()))
                if self._anti_transfer is not None and self._validate_term:
                    term += self._term(self._anti_transfer, placed).item() * len(batch.classes) / len(part)
        return part.per_utterance(torch.cat(scores)), term


class Reconstruction(Objective):
    """RH-Emo's loss: reconstruction and, with beta > 0, the heads' terms (docs/method.md).

    Args:
        rh_emo: what is trained.
        front: makes spectrograms of what is not one yet.
        settings: the weights of the terms.
    """

    monitored = "loss"

    def __init__(self, rh_emo: RHEmo, front: Front, settings: RHEmoSettings) -> None:
        self.module = rh_emo
        self._front = front
        self._settings = settings

    def to(self, device: torch.device) -> None:
        """Bring RH-Emo and the front to a device."""
        super().to(device)
        self._front.to(device)

    def losses(self, module: nn.Module, batch: Batch) -> Losses:
        """The terms for a batch: what is reconstructed is what is seen, augmented or not."""
        spectrogram = self._front(batch.x, batch.stage, batch.masked)
        return rh_emo_losses(
            module(spectrogram),
            spectrogram,
            batch.classes,
            batch.affect,
            beta=self._settings.beta,
            beta_vad=self._settings.beta_vad,
        )

    @torch.no_grad()
    def validate(self, part: Part, device: torch.device, size: int) -> dict[str, float]:
        """The means of the terms over all frames of a part that have what a term needs, and the loss of these means.

        So it is the same however the frames fall into batches: each of these has ratings of its own number.
        """
        affect = None if part.affect is None else part.affect[torch.from_numpy(part.owner)]
        known = _known(affect, len(part))
        means: dict[str, float] = {}
        with _evaluating(self.module):
            for batch in part.in_order(size):
                here = _known(batch.affect, len(batch.classes))
                for name, value in self.losses(self.module, batch.to(device)).items():
                    means[name] = means.get(name, 0.0) + value.item() * here[name] / max(known[name], 1)
        return means | {"loss": rh_emo_loss(means, beta=self._settings.beta, beta_vad=self._settings.beta_vad)}


def _known(affect: Float[Tensor, "frame 3"] | None, frames: int) -> dict[str, int]:
    """Of how many frames a term is the mean: a rating may be missing."""
    rated = [0] * 3 if affect is None else (~affect.isnan()).sum(0).tolist()
    return {"loss": frames, "reconstruction": frames} | dict(zip(AXES, [frames, *rated], strict=True))


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
