"""Lineage: the runs that a run rests on, where its front, its orthogonal network and its first weights come from."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hamiltone.corpora import Split
from hamiltone.networks import Front, Recognizer, TrainedRHEmo, load_bundle, weights_key
from hamiltone.records import (
    METHODS,
    MODEL,
    Letters,
    Method,
    RecordError,
    RunRecord,
    heard_of,
    joined_heard,
    namesakes,
    read_heard,
    read_record,
    task_letter,
)
from hamiltone.settings import RunSettings, expand

from ._errors import TrainingError

_DUAL: dict[str, Letters] = {"SW": "SW", "WS": "WS"}


@dataclass(frozen=True)
class EarlierRun:
    """A finished run: its folder, its record and its model."""

    folder: Path
    record: RunRecord
    model: Recognizer | TrainedRHEmo

    @property
    def key(self) -> str:
        """What identifies it: the run's key and the weights that it ended with."""
        return f"{self.record.run}:{weights_key(self.model)}"


@dataclass(frozen=True)
class Lineage:
    """All runs that a run rests on; None where it does not."""

    source: EarlierRun | None = None
    orthogonal: EarlierRun | None = None
    start: EarlierRun | None = None
    layers: tuple[int, ...] = ()

    def keys(self) -> dict[str, str]:
        """The key of each, by its part."""
        return {part: run.key for part, run in self.by_setting().items()}

    def by_setting(self) -> dict[str, EarlierRun]:
        """Those that there are, by the setting that names them."""
        runs = {"front.source": self.source, "anti_transfer.orthogonal": self.orthogonal, "init_from": self.start}
        return {setting: run for setting, run in runs.items() if run is not None}

    def chain(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The anti-transfer that made the weights, in order: the letter of each orthogonal task, and its layers."""
        before = self.start.record.chain if self.start else ()
        letter = task_letter(self.orthogonal.record.task) if self.orthogonal else None
        return (*before, (letter, self.layers)) if letter else before

    def method(self) -> Method:
        """The type of anti-transfer.

        Raises:
            TrainingError: a chain that is none of these.
        """
        chain = self.chain()
        if self.orthogonal is None:
            return METHODS["none"]
        order = "".join(letter for letter, _ in chain)
        if len(chain) == 1:
            return METHODS["S" if order == "S" else "W"]
        (_, layers), (_, last_layers) = chain[0], chain[-1]
        if order not in _DUAL:
            raise TrainingError(
                f"init_from: anti-transfer in the order {order} is neither SW nor WS; "
                "start from a run of the other orthogonal task, or leave init_from out"
            )
        if layers != last_layers:
            raise TrainingError(
                f"init_from: dual anti-transfer takes the same layers twice, but that run had {list(layers)} and this "
                f"one has {list(last_layers)}; start from a run with the same anti_transfer.layers"
            )
        return METHODS[_DUAL[order]]


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
    has, asked = _front_of(source).kind if source else None, settings.front
    if source and asked.learned and has != asked.kind:
        raise TrainingError(f"front.source: {source.folder} has no RH-Emo; name a run of task rh-emo, or one upon it")
    if source and asked.kind != has:
        raise TrainingError(
            f"front.source: {source.folder} has the front {has}; set front.kind to {has}, or name another run"
        )
    if orthogonal and task_letter(orthogonal.record.task) is None:
        raise TrainingError(f"anti_transfer.orthogonal: {orthogonal.folder} is no word or speaker run")
    if start and (start.record.task == "rh-emo") != (settings.task == "rh-emo"):
        raise TrainingError(f"init_from: {start.folder} is of task {start.record.task}, this run of {settings.task}")
    return Lineage(source, orthogonal, start, settings.anti_transfer.layers if settings.anti_transfer else ())


def heard_by(splits: Sequence[Split], lineage: Lineage) -> dict[str, list[str]]:
    """The utterances, by corpus, that a run (of these splits) and all beneath it are trained or selected on."""
    own = [split.by_corpus("train", "validation") for split in splits]
    return joined_heard([*own, *(read_heard(run.folder) for run in lineage.by_setting().values())])


def check_leaks(heard: Mapping[str, list[str]], split: Split, what: str, leaks: str) -> list[str]:
    """See that nothing beneath was trained or selected on recordings that are tested on.

    Returns:
        Notes for the record: leaks, where ``leaks`` is "report", and recordings that may be one by their names.

    Raises:
        TrainingError: a leak, where ``leaks`` is "refuse".
    """
    seen, tested = heard_of(heard, split)
    alike = namesakes(heard, split.by_corpus("test"), "test recordings", what)
    if not seen:
        return alike
    text = f"{what} was trained on {seen} of the {tested} test recordings"
    if leaks == "refuse":
        raise TrainingError(f'{text}; give both the same split, or set leaks="report" to go on and say so')
    return [text, *alike]


def check_same_input(lineage: Lineage, front: Front) -> None:
    """See that the orthogonal network was trained on the same front (RH-Emo, spectrogram, normalisation) as this run.

    A trainable RH-Emo counts as the one that it started as.

    Raises:
        TrainingError: another kind of front, RH-Emo (other weights) or spectrogram.
    """
    orthogonal = lineage.orthogonal
    if orthogonal is None:
        return
    other = _front_of(orthogonal)
    first = front if lineage.source is None else _front_of(lineage.source)
    if other.kind != first.kind or other.encoder_key() != first.encoder_key():
        differing = "RH-Emo" if other.kind == first.kind else f"front ({other.kind} instead of {first.kind})"
        raise TrainingError(
            f"anti_transfer.orthogonal: {orthogonal.folder} was trained on another {differing}; "
            "train it with the same front settings as this run"
        )
    ours, theirs = first.settings(), other.settings()
    if differing := [name for name in ours if name != "trainable" and ours[name] != theirs[name]]:
        raise TrainingError(
            f"anti_transfer.orthogonal: {orthogonal.folder} was trained on another spectrogram "
            f"({_differences(differing, ours, theirs)}); train it with the same front settings as this run"
        )
    if weights_key(other) != weights_key(first):
        raise TrainingError(
            f"anti_transfer.orthogonal: {orthogonal.folder} was trained on another normalisation; "
            "train it with this one's corpus and split as its front.statistics (front.source: a run on them)"
        )


def recognizer_of(run: EarlierRun) -> Recognizer:
    """The recogniser that a run trained.

    Raises:
        TrainingError: it trained an RH-Emo.
    """
    if not isinstance(run.model, Recognizer):
        raise TrainingError(f"{run.folder}: holds an RH-Emo, not a recogniser")
    return run.model


def front_from(source: EarlierRun, *, trainable: bool) -> Front:
    """The fitted front of a run, to be carried over whole."""
    front = copy.deepcopy(_front_of(source))
    front.set_trainable(trainable)
    return front


def _front_of(run: EarlierRun) -> Front:
    return run.model.front if isinstance(run.model, Recognizer) else run.model.front()


def _open(text: str | None, setting: str) -> EarlierRun | None:
    if text is None:
        return None
    folder = expand(text, setting)
    try:
        record = read_record(folder)
    except RecordError as error:
        raise TrainingError(f"{setting}: {error}") from None
    return EarlierRun(folder, record, load_bundle(folder / MODEL))


def _differences(names: list[str], ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {theirs[name]} instead of {ours[name]}" for name in names)
