"""Preparation: from a dataset to the parts that a training, an evaluation or a probe takes, decoded and stored once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hamiltone.audio import AugmentationSettings
from hamiltone.corpora import Report
from hamiltone.networks import Front, Stage
from hamiltone.settings import Dataset, RunSettings

from ._batches import Inputs, Part, live_inputs, make_part, stored_inputs
from ._errors import TrainingError
from ._stored_frames import Frames, frames_key, stored_frames, stored_stage


@dataclass(frozen=True)
class PreparedFrames:
    """All frames of a dataset, and what becomes of them; of the settings frames, augmentation, seed and task count."""

    settings: RunSettings
    dataset: Dataset
    frames: Frames
    report: Report

    @property
    def notes(self) -> list[str]:
        """What a record says of recordings that were left out."""
        silent = self.frames.silent
        return [f"{len(silent)} silent recordings were left out: {', '.join(silent)}"] if silent else []

    def inputs(self, front: Front, stage: Stage) -> Inputs:
        """What a front makes of all frames as far as a stage, computed once; waveforms as they are."""
        if stage == "waveform":
            return live_inputs(
                self.frames, self.settings.seed, random_offset=False, augmentation=AugmentationSettings()
            )
        seed = self.settings.seed if self.settings.frames.random_offset else None
        return stored_inputs(stored_stage(self.frames, front, stage, seed, self.report), stage)

    def changing_inputs(self) -> Inputs | None:
        """The training part's inputs where they change each epoch; None where they do not."""
        offset, augmentation = self.settings.frames.random_offset, self.settings.augmentation
        if not offset and not augmentation.changes:
            return None
        return live_inputs(self.frames, self.settings.seed, random_offset=offset, augmentation=augmentation)

    def part(
        self, name: str, inputs: Inputs, labels: Sequence[str], affect: Float[Tensor, "all 3"] | None = None
    ) -> Part:
        """A part of the split by name, with the classes of ``labels`` (see :func:`make_part`).

        That of validation belongs to the training part, too, where the settings say so.
        """
        with_validation = name == "train" and self.settings.training.with_validation
        everything = self.dataset.utterances
        parts = self.dataset.split.apply(everything)
        names = [name, "validation"] if with_validation else [name]
        chosen = {one for part in names for one in parts[part].table["utterance"]}
        return make_part(name, chosen, everything, self.frames, self.settings.column, labels, inputs, affect)


def prepare_frames(
    settings: RunSettings, dataset: Dataset, report: Report, recordings: Mapping[str, str] | None = None
) -> PreparedFrames:
    """Decode a dataset (the run's, or another one cut alike) and cut it into frames, once.

    ``recordings`` are the keys of the recordings, where they are known already.

    Raises:
        AudioError: a recording that cannot be decoded.
    """
    key = frames_key(dataset.utterances, settings.frames, recordings)
    return PreparedFrames(settings, dataset, stored_frames(dataset.utterances, settings.frames, key, report), report)


def prepare_part(
    name: str,
    settings: RunSettings,
    dataset: Dataset,
    front: Front,
    labels: Sequence[str],
    report: Report,
    recordings: Mapping[str, str] | None = None,
) -> tuple[Part, tuple[str, ...]]:
    """A part of the split as a trained front sees it, and the silent utterances that were left out of the dataset.

    ``recordings`` are the keys of the recordings, where they are known already.
    """
    prepared = prepare_frames(settings, dataset, report, recordings)
    return prepared.part(name, prepared.inputs(front, "features"), labels), prepared.frames.silent


def check_unheard(settings: RunSettings, dataset: Dataset) -> None:
    """See that no speaker is trained on whom a split by speaker keeps for the test.

    Raises:
        TrainingError: one is, since those who validate are trained on and are tested, too, as where there are two.
    """
    split = dataset.split
    if not settings.training.with_validation or split.kind == "random":
        return
    speakers = {name: {*part.table["speaker"].dropna()} for name, part in split.apply(dataset.utterances).items()}
    if both := sorted(speakers["validation"] & speakers["test"]):
        raise TrainingError(
            f"training.with_validation: {both[0]} validates and is tested in this {split.scheme or split.kind} split, "
            "and would be trained on: leave it out, or choose another split"
        )


def notes_of(settings: RunSettings) -> list[str]:
    """What settings mean for a reader of the record."""
    notes = []
    if settings.rh_emo and settings.rh_emo.affect_table:
        notes.append(f"valence, arousal and dominance are from the table {settings.rh_emo.affect_table}, not rated")
    if settings.augmentation.changes:
        notes.append(f"the training part was augmented: {settings.augmentation}")
    if settings.training.speaker_reversal:
        notes.append(f"against speakers: gradient reversal of weight {settings.training.speaker_reversal:g}")
    return notes
