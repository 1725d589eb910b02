"""The runs that a run rests on: where its front, its orthogonal network and its first weights come from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hamiltone.corpora import Split, read_split
from hamiltone.networks import Front, Recognizer, TrainedRHEmo, load_bundle, weights_key

from ._loop import TrainingError
from ._reading import expand
from ._settings import RunSettings

RECORD, MODEL, SPLIT = "record.json", "model", "split.json"
_LETTERS = {"word": "W", "speaker": "S"}


@dataclass(frozen=True)
class EarlierRun:
    """A finished run: its folder, its record and its model."""

    folder: Path
    record: dict[str, Any]
    model: Recognizer | TrainedRHEmo

    @property
    def key(self) -> str:
        """What identifies it: the run's key and the weights that it ended with."""
        return f"{self.record['run']}:{weights_key(self.model)}"


@dataclass(frozen=True)
class Lineage:
    """All runs that a run rests on; None where it does not."""

    source: EarlierRun | None = None
    orthogonal: EarlierRun | None = None
    start: EarlierRun | None = None

    def keys(self) -> dict[str, str]:
        """The key of each, by its part."""
        return {part: run.key for part, run in self.by_setting().items()}

    def by_setting(self) -> dict[str, EarlierRun]:
        """Those that there are, by the setting that names them."""
        runs = {"front.source": self.source, "anti_transfer.orthogonal": self.orthogonal, "init_from": self.start}
        return {setting: run for setting, run in runs.items() if run is not None}

    def method(self) -> str:
        """The anti-transfer type in the paper's words: none, single S, single W, dual SW, dual WS."""
        if self.orthogonal is None:
            return "none"
        letter = _LETTERS[self.orthogonal.record["task"]]
        before = self.start.record.get("method", "") if self.start else ""
        return f"dual {before[-1]}{letter}" if before.startswith("single ") else f"single {letter}"


def read_record(folder: Path) -> dict[str, Any]:
    """The record of a finished run.

    Raises:
        TrainingError: the folder holds none, or one that cannot be read.
    """
    path = folder / RECORD
    try:
        record = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise TrainingError(f"{folder}: no finished run ({RECORD} is missing); train it first") from None
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: cannot be read: {error}") from None
    if not isinstance(record, dict) or "run" not in record:
        raise TrainingError(f"{path}: is no record of a run")
    return record


def open_lineage(settings: RunSettings) -> Lineage:
    """Open the runs that the settings name, and see that they are of the right kind.

    Raises:
        TrainingError: a run is missing, unfinished, or of another kind than its place asks for.
        BundleError: its model cannot be loaded.
    """
    source = _open(settings.front.source, "front.source")
    orthogonal = _open(
        settings.anti_transfer.orthogonal if settings.anti_transfer else None, "anti_transfer.orthogonal"
    )
    start = _open(settings.init_from, "init_from")
    if source and settings.front.kind == "rh-emo" and _front_of(source).encoder is None:
        raise TrainingError(f"front.source: {source.folder} has no RH-Emo; name a run of task rh-emo, or one upon it")
    if source and settings.front.kind == "spectrogram" and _front_of(source).encoder is not None:
        raise TrainingError(
            f"front.source: {source.folder} has an RH-Emo; set front.kind to rh-emo, or name another run"
        )
    if orthogonal and orthogonal.record["task"] not in _LETTERS:
        raise TrainingError(f"anti_transfer.orthogonal: {orthogonal.folder} is no word or speaker run")
    if start and (start.record["task"] == "rh-emo") != (settings.task == "rh-emo"):
        raise TrainingError(f"init_from: {start.folder} is of task {start.record['task']}, this run of {settings.task}")
    return Lineage(source, orthogonal, start)


def check_leaks(settings: RunSettings, lineage: Lineage, split: Split) -> list[str]:
    """See that no run beneath was trained or selected on recordings that this run tests on.

    Returns:
        Notes for the record, where ``leaks = "report"``.

    Raises:
        TrainingError: a leak, where ``leaks = "refuse"``.
    """
    notes = []
    for setting, run in lineage.by_setting().items():
        if run.record["corpus"]["name"] != settings.corpus.name:
            continue
        earlier = read_split(run.folder / SPLIT)
        seen = {*earlier.parts["train"], *earlier.parts["validation"]} & set(split.parts["test"])
        if not seen:
            continue
        text = f"{setting}: {run.folder} was trained on {len(seen)} of the {len(split.parts['test'])} test recordings"
        if settings.leaks == "refuse":
            raise TrainingError(f'{text}; give both the same split, or set leaks="report" to go on and say so')
        notes.append(text)
    return notes


def check_same_input(lineage: Lineage, front: Front) -> None:
    """See that the orthogonal network was trained on the same RH-Emo and the same kind of spectrogram as this run.

    A trainable RH-Emo counts as the one that it started as.

    Raises:
        TrainingError: another RH-Emo (other weights), or another spectrogram (REFERENCE section 3).
    """
    orthogonal = lineage.orthogonal
    if orthogonal is None:
        return
    other = _front_of(orthogonal)
    first = front if lineage.source is None else _front_of(lineage.source)
    if other.encoder_key() != first.encoder_key():
        raise TrainingError(
            f"anti_transfer.orthogonal: {orthogonal.folder} was trained on another RH-Emo; "
            "train it with the same front.source as this run"
        )
    ours, theirs = front.spectrogram.settings(), other.spectrogram.settings()
    if differing := [name for name in ours if ours[name] != theirs[name]]:
        raise TrainingError(
            f"anti_transfer.orthogonal: {orthogonal.folder} was trained on another spectrogram "
            f"({_differences(differing, ours, theirs)}); train it with the same front settings as this run"
        )


def recognizer_of(run: EarlierRun) -> Recognizer:
    """The recognizer that a run trained.

    Raises:
        TrainingError: it trained an RH-Emo.
    """
    if not isinstance(run.model, Recognizer):
        raise TrainingError(f"{run.folder}: holds an RH-Emo, not a recognizer")
    return run.model


def front_from(source: EarlierRun, *, trainable: bool) -> Front:
    """The fitted front of a run, to be carried over whole."""
    front = _front_of(source)
    return Front(front.spectrogram, front.encoder, trainable=trainable)


def _front_of(run: EarlierRun) -> Front:
    return run.model.front if isinstance(run.model, Recognizer) else run.model.front()


def _open(text: str | None, setting: str) -> EarlierRun | None:
    if text is None:
        return None
    folder = expand(text, setting)
    try:
        record = read_record(folder)
    except TrainingError as error:
        raise TrainingError(f"{setting}: {error}") from None
    return EarlierRun(folder, record, load_bundle(folder / MODEL))


def _differences(names: list[str], ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {theirs[name]} instead of {ours[name]}" for name in names)
