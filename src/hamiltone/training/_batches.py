"""Batches: the parts of a split as a training loop takes them, with inputs, targets, and whose each frame is."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hamiltone.audio import AugmentationSettings
from hamiltone.corpora import Utterances
from hamiltone.networks import Stage
from hamiltone.records import PartSize
from hamiltone.speech import augment

from ._errors import TrainingError
from ._stored_frames import Frames

Rows = npt.NDArray[np.int64]


class Fetched(NamedTuple):
    """The inputs of some frames, and what is hidden of their spectrograms, if anything."""

    x: Float[Tensor, "batch *shape"]
    masked: Bool[Tensor, "batch 512 128"] | None = None


@dataclass(frozen=True)
class Inputs:
    """Where the inputs of frames come from: stored by an earlier pass, or made anew from waveforms each time.

    Attributes:
        stage: what the inputs already are.
        fetch: frame rows and an epoch -> a batch; only live inputs differ between epochs.
    """

    stage: Stage
    fetch: Callable[[Rows, int], Fetched]


def stored_inputs(array: npt.NDArray[np.float32], stage: Stage) -> Inputs:
    """Inputs that were computed once (``stored_stage``)."""
    return Inputs(stage, lambda rows, _epoch: Fetched(torch.from_numpy(array[rows])))


def live_inputs(frames: Frames, seed: int, *, random_offset: bool, augmentation: AugmentationSettings) -> Inputs:
    """Waveforms that are made anew each epoch; what is drawn depends on seed, epoch and frame alone.

    Args:
        frames: all frames of a corpus.
        seed: of the run.
        random_offset: move each frame into its padding by an offset.
        augmentation: what is changed besides; nothing by default.
    """

    def fetch(rows: Rows, epoch: int) -> Fetched:
        offsets = frames.random_offsets(rows, seed, epoch) if random_offset else np.zeros(len(rows), np.int64)
        if not augmentation.changes:
            return Fetched(frames.waveforms(rows, offsets))
        made = [
            augment(frames.recording(row), offset, augmentation, _generator(seed, epoch, row))
            for row, offset in zip(rows.tolist(), offsets.tolist(), strict=True)
        ]
        masks = [one.masked for one in made if one.masked is not None]
        return Fetched(torch.stack([one.waveform for one in made]), torch.stack(masks) if masks else None)

    return Inputs("waveform", fetch)


def _generator(seed: int, epoch: int, row: int) -> torch.Generator:
    # The last number tells these draws from those of offsets.
    state = np.random.SeedSequence([seed, epoch, row, 1]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))


@dataclass(frozen=True)
class Batch:
    """Some frames: inputs at a stage of the front, their utterances' targets, their rows among all frames.

    ``masked`` is what is hidden of their spectrograms (True), if anything.
    """

    x: Float[Tensor, "batch *shape"]
    stage: Stage
    classes: Int[Tensor, " batch"]
    affect: Float[Tensor, "batch 3"] | None
    rows: Int[Tensor, " batch"]
    masked: Bool[Tensor, "batch 512 128"] | None = None

    def to(self, device: torch.device, *, channels_last: bool = False) -> "Batch":
        """The same on a device; feature maps with their channels innermost, where asked."""
        x = self.x.to(device)
        if channels_last and x.dim() == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        affect = None if self.affect is None else self.affect.to(device)
        masked = None if self.masked is None else self.masked.to(device)
        return Batch(x, self.stage, self.classes.to(device), affect, self.rows, masked)


@dataclass(frozen=True)
class Slice:
    """What one of several processes gets of a batch.

    Attributes:
        batch: its frames; where there are none left for it, one that is lent to it and counts nothing.
        own: how many frames of it count.
        whole: the rows of the frames that the slices of all processes have together.
    """

    batch: Batch
    own: int
    whole: Rows

    @property
    def share(self) -> float:
        """How much the mean over this slice weighs in the mean over the whole batch."""
        return self.own / len(self.whole)


@dataclass(frozen=True)
class Part:
    """One part of a split.

    Attributes:
        name: train, validation or test.
        utterances: those of the part that have frames.
        rows: its frames, as rows of all frames, in order.
        owner: for each of them, the position of its utterance in ``utterances``.
        classes: the class of each utterance.
        affect: high (1) or low (0) valence, arousal, dominance of each utterance, NaN where unknown; None if not asked.
        inputs: where the frames' inputs come from.
    """

    name: str
    utterances: Utterances
    rows: Rows
    owner: Rows
    classes: Int[Tensor, " utterance"]
    affect: Float[Tensor, "utterance 3"] | None
    inputs: Inputs

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.rows)

    def batch(self, positions: Rows, epoch: int = 0) -> Batch:
        """The frames at some positions."""
        owner = torch.from_numpy(self.owner[positions])
        affect = None if self.affect is None else self.affect[owner]
        rows = self.rows[positions]
        x, masked = self.inputs.fetch(rows, epoch)
        return Batch(x, self.inputs.stage, self.classes[owner], affect, torch.from_numpy(rows), masked)

    def in_order(self, size: int) -> Iterator[Batch]:
        """All frames, in batches."""
        for first in range(0, len(self), size):
            yield self.batch(np.arange(first, min(first + size, len(self))))

    def shuffled(
        self, size: int, seed: int, epoch: int, skip: int = 0, rank: int = 0, processes: int = 1, balance: float = 0.0
    ) -> Iterator[Slice]:
        """All frames in an order drawn from seed and epoch alone, in batches, without the first ``skip`` batches.

        Of each batch the process ``rank`` gets the ``rank``-th of as many slices as there are processes. With
        ``balance`` as many frames are drawn with replacement, those of a class of a corpus with a chance of its size to
        the power of ``1 - balance``, in all: 1 draws all classes of all corpora alike.
        """
        generator = np.random.default_rng([seed, epoch])
        if balance:
            order = generator.choice(len(self), len(self), p=self._chances(balance))
        else:
            order = generator.permutation(len(self))
        for first in range(skip * size, len(order), size):
            whole = order[first : first + size]
            own = whole[len(whole) * rank // processes : len(whole) * (rank + 1) // processes]
            yield Slice(self.batch(own if len(own) else whole[:1], epoch), len(own), self.rows[whole])

    def clips(self, rows: Rows) -> list[str]:
        """The ids of the utterances that some of the part's frames, given as rows of all frames, are of."""
        owners = np.unique(self.owner[np.searchsorted(self.rows, rows)])
        return self.utterances.table["utterance"].iloc[owners].tolist()

    def _chances(self, balance: float) -> npt.NDArray[np.float64]:
        corpora = self.utterances.corpora()
        groups = pd.factorize(corpora + " " + pd.Series(self.classes.numpy()).astype(str).to_numpy())[0][self.owner]
        chances = np.bincount(groups)[groups] ** -balance
        return chances / chances.sum()

    def per_utterance(self, values: Float[Tensor, "frame label"]) -> Float[Tensor, "utterance label"]:
        """The mean over each utterance's frames."""
        owner = torch.from_numpy(self.owner)
        sums = torch.zeros(len(self.utterances), values.shape[1], dtype=values.dtype).index_add_(0, owner, values)
        return sums / torch.bincount(owner, minlength=len(self.utterances)).unsqueeze(1)

    def size(self) -> PartSize:
        """How many clips, frames and speakers the part has."""
        clips, speakers = len(self.utterances), len(self.utterances.labels("speaker"))
        return PartSize(clips=clips, frames=len(self), speakers=speakers)


def rows_of_part(name: str, chosen: Collection[str], everything: Utterances, frames: Frames) -> Rows:
    """The frames of the part ``name``, which consists of the ``chosen`` ids among all utterances.

    Raises:
        TrainingError: there are none.
    """
    wanted = everything.table["utterance"].isin(list(chosen)).to_numpy()
    rows = np.flatnonzero(wanted[frames.owner])
    if len(rows) == 0:
        silent = f" but {len(chosen)} silent ones" if chosen else ""
        raise TrainingError(f"{everything.corpus}: the {name} part has no clips{silent}; name another split")
    return rows


def make_part(
    name: str,
    chosen: set[str],
    everything: Utterances,
    frames: Frames,
    column: str,
    labels: Sequence[str],
    inputs: Inputs,
    affect: Float[Tensor, "all 3"] | None = None,
) -> Part:
    """The part of a split that consists of the ``chosen`` ids among all utterances whose frames are stored.

    Utterances without frames (silent ones) are left out. ``affect`` has a row for each of all utterances.

    Raises:
        TrainingError: there are none.
    """
    rows = rows_of_part(name, chosen, everything, frames)
    present, owner = np.unique(frames.owner[rows], return_inverse=True)
    utterances = everything.select(present)
    index = {label: number for number, label in enumerate(labels)}
    # Without labels (an RH-Emo that only reconstructs) nothing reads the classes.
    classes = torch.tensor([index[value] if index else 0 for value in utterances.table[column]], dtype=torch.long)
    return Part(
        name,
        utterances,
        rows.astype(np.int64),
        owner.astype(np.int64),
        classes,
        None if affect is None else affect[torch.from_numpy(present)],
        inputs,
    )
