"""The runs that a run rests on: where its front, its orthogonal network and its first weights come from."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hamiltone.corpora import Split
from hamiltone.networks import Front, Recognizer, TrainedRHEmo, load_bundle, weights_key
from hamiltone.settings_paths import expand

from ._loop import TrainingError
from ._settings import RunSettings

RECORD, MODEL, HEARD = "record.json", "model", "heard.json"
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
    layers: tuple[int, ...] = ()

    def keys(self) -> dict[str, str]:
        """The key of each, by its part."""
        return {part: run.key for part, run in self.by_setting().items()}

    def by_setting(self) -> dict[str, EarlierRun]:
        """Those that there are, by the setting that names them."""
        runs = {"front.source": self.source, "anti_transfer.orthogonal": self.orthogonal, "init_from": self.start}
        return {setting: run for setting, run in runs.items() if run is not None}

    def chain(self) -> list[tuple[str, tuple[int, ...]]]:
        """The anti-transfer that made the weights, in order: the letter of each orthogonal task, and its layers."""
        before = [(letter, tuple(layers)) for letter, layers in self.start.record["chain"]] if self.start else []
        if self.orthogonal is None:
            return before
        return [*before, (_LETTERS[self.orthogonal.record["task"]], self.layers)]

    def method(self) -> str:
        """The anti-transfer type in the paper's words: none, single S, single W, dual SW, dual WS.

        Raises:
            TrainingError: a chain that is none of these (REFERENCE section 3).
        """
        chain = self.chain()
        if self.orthogonal is None or len(chain) < 2:
            return f"single {chain[0][0]}" if self.orthogonal else "none"
        (first, layers), (second, last_layers) = chain[0], chain[-1]
        if len(chain) > 2 or first == second:
            raise TrainingError(
                f"init_from: anti-transfer in the order {''.join(letter for letter, _ in chain)} is neither SW nor WS; "
                "start from a run of the other orthogonal task, or leave init_from out"
            )
        if layers != last_layers:
            raise TrainingError(
                f"init_from: dual anti-transfer takes the same layers twice, but that run had {list(layers)} and this "
                f"one has {list(last_layers)}; start from a run with the same anti_transfer.layers"
            )
        return f"dual {first}{second}"


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
    if not isinstance(record, dict) or not {"run", "task", "chain", "corpus"} <= record.keys():
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
    has = _front_of(source).kind if source else None
    if source and settings.front.kind == "rh-emo" and has != "rh-emo":
        raise TrainingError(f"front.source: {source.folder} has no RH-Emo; name a run of task rh-emo, or one upon it")
    if source and settings.front.kind != has:
        raise TrainingError(
            f"front.source: {source.folder} has the front {has}; set front.kind to {has}, or name another run"
        )
    if orthogonal and orthogonal.record["task"] not in _LETTERS:
        raise TrainingError(f"anti_transfer.orthogonal: {orthogonal.folder} is no word or speaker run")
    if start and (start.record["task"] == "rh-emo") != (settings.task == "rh-emo"):
        raise TrainingError(f"init_from: {start.folder} is of task {start.record['task']}, this run of {settings.task}")
    return Lineage(source, orthogonal, start, settings.anti_transfer.layers if settings.anti_transfer else ())


def heard_by(splits: Sequence[Split], lineage: Lineage) -> dict[str, list[str]]:
    """The utterances, by corpus, that a run (of these splits) and all beneath it are trained or selected on."""
    heard: dict[str, set[str]] = {}
    for split in splits:
        for corpus, utterances in split.by_corpus("train", "validation").items():
            heard.setdefault(corpus, set()).update(utterances)
    for run in lineage.by_setting().values():
        for corpus, utterances in read_heard(run.folder).items():
            heard.setdefault(corpus, set()).update(utterances)
    return {corpus: sorted(utterances) for corpus, utterances in sorted(heard.items())}


def read_heard(folder: Path) -> dict[str, list[str]]:
    """What a finished run has heard (see ``heard_by``).

    Raises:
        TrainingError: it cannot be read.
    """
    path = folder / HEARD
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        raise TrainingError(f"{path}: is missing or damaged; copy the whole run, or train it again") from None


def heard_folder(model: Path) -> Path | None:
    """Where it stands what a model has heard: beside weights that came without their run, or in its run."""
    return next((folder for folder in (model, model.parent) if (folder / HEARD).is_file()), None)


def check_leaks(heard: Mapping[str, list[str]], split: Split, what: str, leaks: str) -> list[str]:
    """See that nothing beneath was trained or selected on recordings that are tested on.

    Returns:
        Notes for the record, where ``leaks`` is "report".

    Raises:
        TrainingError: a leak, where ``leaks`` is "refuse".
    """
    tested = split.by_corpus("test")
    seen = sum(len(utterances.intersection(heard.get(corpus, []))) for corpus, utterances in tested.items())
    if not seen:
        return []
    text = f"{what} was trained on {seen} of the {sum(map(len, tested.values()))} test recordings"
    if leaks == "refuse":
        raise TrainingError(f'{text}; give both the same split, or set leaks="report" to go on and say so')
    return [text]


def check_same_input(lineage: Lineage, front: Front) -> None:
    """See that the orthogonal network was trained on the same RH-Emo and the same kind of spectrogram as this run.

    A trainable RH-Emo counts as the one that it started as.

    Raises:
        TrainingError: another kind of front, RH-Emo (other weights) or spectrogram (REFERENCE section 3).
    """
    orthogonal = lineage.orthogonal
    if orthogonal is None:
        return
    other = _front_of(orthogonal)
    first = front if lineage.source is None else _front_of(lineage.source)
    if other.encoder_key() != first.encoder_key():
        differing = "RH-Emo" if other.kind == first.kind else f"front ({other.kind} instead of {first.kind})"
        raise TrainingError(
            f"anti_transfer.orthogonal: {orthogonal.folder} was trained on another {differing}; "
            "train it with the same front settings as this run"
        )
    ours, theirs = first.spectrogram.settings(), other.spectrogram.settings()
    if differing := [name for name in ours if ours[name] != theirs[name]]:
        raise TrainingError(
            f"anti_transfer.orthogonal: {orthogonal.folder} was trained on another spectrogram "
            f"({_differences(differing, ours, theirs)}); train it with the same front settings as this run"
        )
    if weights_key(other.spectrogram) != weights_key(first.spectrogram):
        raise TrainingError(
            f"anti_transfer.orthogonal: {orthogonal.folder} was trained on another normalisation; "
            "train it with a run on this one's corpus and split as its front.source"
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
    front = copy.deepcopy(_front_of(source))
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
