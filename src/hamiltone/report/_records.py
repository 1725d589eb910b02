"""The records of runs, as they are read: everything that a run may lack is optional here."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from hamiltone.errors import HamiltoneError

FORMAT = 1
_PREDICTION_COLUMNS = ("utterance", "speaker", "truth", "prediction")
METHODS = ("none", "single S", "single W", "dual SW", "dual WS")
"""The paper's, in its order: without anti-transfer, with one orthogonal task, with both."""

_Model = TypeVar("_Model", bound=BaseModel)


class ReportError(HamiltoneError):
    """No records, or a record that cannot be read; one line that names the file."""


class Part(BaseModel):
    """A part of a file of ours: what it has beyond these fields is passed over, and null is as good as absent."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, content: Any) -> Any:
        return (
            {key: value for key, value in content.items() if value is not None}
            if isinstance(content, dict)
            else content
        )


class Score(Part):
    """A measure in 0..1 with its 95 % interval, or the reason why there is none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


class Evaluation(Part):
    """What ``hamiltone.measures.summarise`` says of one set of clips."""

    clips: int | None = None
    speakers: int | None = None
    accuracy: Score | None = None
    uar: Score | None = None
    macro_f1: Score | None = None
    confusion: list[list[int]] = []
    labels: list[str] = []

    @model_validator(mode="after")
    def _square(self) -> "Evaluation":
        if self.confusion and [len(row) for row in self.confusion] != [len(self.labels)] * len(self.labels):
            raise ValueError(f"confusion is not a square of the {len(self.labels)} labels")
        return self

    @property
    def chance(self) -> float | None:
        """The accuracy of always naming the commonest class of these clips."""
        clips_of_class = [sum(row) for row in self.confusion]
        return max(clips_of_class) / sum(clips_of_class) if sum(clips_of_class) else None


class Epoch(Part):
    """The values of one epoch, by name."""

    epoch: int
    train: dict[str, Any] = {}
    validation: dict[str, Any] = {}


class SplitPart(Part):
    """How much one part of a split holds."""

    clips: int | None = None
    frames: int | None = None
    speakers: int | None = None


class Split(Part):
    """Which clips trained, validated and tested."""

    kind: str = ""
    hash: str = ""
    protocol: str = ""
    train: SplitPart | None = None
    validation: SplitPart | None = None
    test: SplitPart | None = None

    @property
    def unseen_speakers(self) -> bool:
        """Whether no test speaker is heard in training."""
        return self.kind.startswith(("actor", "speaker"))


class Corpus(Part):
    """The recordings' corpus."""

    name: str = ""
    note: str = ""

    @property
    def synthetic(self) -> bool:
        """Whether machines spoke it."""
        return "synthetic" in f"{self.name} {self.note}".lower()


class Parameters(Part):
    """Numbers of parameters."""

    trained: int | None = None
    network: int | None = None
    front: int | None = None


class Reconstruction(Part):
    """How well RH-Emo gives its input back, and how much its four axes vary on unseen clips."""

    bce: float | None = None
    bce_constant: float | None = None
    axis_deviation: list[float | None] = []


class Resources(Part):
    """What a run took."""

    seconds_per_epoch: float | None = None
    epoch_seconds: list[float | None] = []
    cpu_seconds_per_epoch: float | None = None
    peak_memory_bytes: int | None = None
    device: str = ""
    threads: int | None = None
    side_by_side: int | None = None
    processor: str = ""


class Record(Part):
    """One run."""

    hamiltone: str
    format: Literal[1]
    run: str
    name: str
    task: Literal["emotion", "speaker", "word", "rh-emo"]
    method: str = ""
    layers: list[int] = []
    settings: dict[str, Any] = {}
    settings_hash: str = ""
    split: Split = Split()
    corpus: Corpus = Corpus()
    notes: list[str] = []
    labels: list[str] = []
    parameters: Parameters = Parameters()
    epochs: list[Epoch] = []
    best_epoch: int | None = None
    stopped: str = ""
    validation: Evaluation | None = None
    test: Evaluation | None = None
    reconstruction: Reconstruction | None = None
    resources: Resources = Resources()
    versions: dict[str, str | None] = {}
    command: str = ""

    @property
    def evaluated(self) -> Evaluation | None:
        """The test, or the validation of a run without one."""
        return self.test or self.validation


@dataclass(frozen=True)
class Run:
    """A record, where it was found (relative to the folder of the report), and its predictions, if it has them.

    Attributes:
        record: what the run wrote.
        place: the run's folder, relative and with forward slashes.
        label: a short name that no other run of the report has.
        predictions: utterance, speaker, truth, prediction and the scores of each class, all as text.
    """

    record: Record
    place: str
    label: str
    predictions: pd.DataFrame | None


def read_runs(folder: Path) -> list[Run]:
    """All runs below ``folder``, ordered by corpus, split, method, layers and name; hidden folders are passed over.

    Raises:
        ReportError: no such folder, no records in it, or one that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ReportError(f"there is no folder {folder}: give the folder that holds the runs")
    places = run_folders(folder)
    if not places:
        raise ReportError(f"no record.json anywhere in {folder}: train something first, or give the folder of the runs")
    return read_runs_at(folder, places)


def run_folders(folder: Path) -> list[str]:
    """The folders below ``folder`` (and relative to it) that hold a record; hidden ones are passed over."""
    places = [path.parent.relative_to(folder) for path in folder.rglob("record.json")]
    return [place.as_posix() for place in places if not any(part.startswith(".") for part in place.parts)]


def read_runs_at(folder: Path, places: Iterable[str]) -> list[Run]:
    """The runs in these folders (relative to ``folder``), in the order of ``read_runs``.

    Raises:
        ReportError: a record or a table of predictions that cannot be read.
    """
    found = sorted(
        ((read_model(Record, folder / place / "record.json", "record of a run"), place) for place in places),
        key=lambda item: (_order(item[0]), item[1]),
    )
    names = Counter(record.name for record, _ in found)
    return [
        Run(
            record=record,
            place=place,
            label=record.name if names[record.name] == 1 else f"{record.name} ({place})",
            predictions=_read_predictions(folder / place / "predictions.csv") if record.task == "emotion" else None,
        )
        for record, place in found
    ]


def read_model(model: type[_Model], path: Path, what: str, remedy: str = "move it away or train again") -> _Model:
    """A JSON file of ours.

    Raises:
        ReportError: a file that is not there or is no such thing; the line says ``what`` it should be, and ``remedy``.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        where = f"{key}: " if key else ""
        raise ReportError(f"{path} is no {what} in format {FORMAT} ({where}{first['msg']}): {remedy}") from error


def protocols(records: Iterable[Record]) -> list[str]:
    """Which protocol each corpus was split by, a line for each kind of split; of runs that tell it.

    Where several splits (folds) differ in their numbers, the protocols' names alone are told.
    """
    found: dict[str, dict[str, None]] = {}
    for record in records:
        if record.split.protocol:
            place = f"{record.corpus.name}, {record.split.kind} split"
            found.setdefault(place, {})[record.split.protocol] = None
    lines = []
    for place, told in found.items():
        names = dict.fromkeys(line.partition(":")[0] for line in told)
        lines.append(f"{place}: {next(iter(told)) if len(told) == 1 else ' or '.join(names)}")
    return lines


def _order(record: Record) -> tuple[Any, ...]:
    known = record.method in METHODS
    method = METHODS.index(record.method) if known else len(METHODS)
    return (record.corpus.name, record.split.kind, record.split.hash, method, record.method, record.layers, record.name)


def _read_predictions(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ReportError(f"cannot read {path}: {error}") from error
    missing = [column for column in _PREDICTION_COLUMNS if column not in table.columns]
    if missing:
        raise ReportError(f"{path} has no column {', '.join(missing)}: train again, or remove the file")
    return table
