"""The records of runs, as they are read: everything that a run may lack is optional here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from hamiltone.errors import HamiltoneError

FORMAT = 1
_PREDICTION_COLUMNS = ("utterance", "speaker", "truth", "prediction")
_METHOD_ORDER = ("none", "single S", "single W", "dual SW", "dual WS")


class ReportError(HamiltoneError):
    """No records, or a record that cannot be read; one line that names the file."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, content: Any) -> Any:
        return (
            {key: value for key, value in content.items() if value is not None}
            if isinstance(content, dict)
            else content
        )


class Score(_Part):
    """A measure in 0..1 with its 95 % interval, or the reason why there is none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


class Evaluation(_Part):
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


class Epoch(_Part):
    """The values of one epoch, by name."""

    epoch: int
    train: dict[str, Any] = {}
    validation: dict[str, Any] = {}


class SplitPart(_Part):
    """How much one part of a split holds."""

    clips: int | None = None
    frames: int | None = None
    speakers: int | None = None


class Split(_Part):
    """Which clips trained, validated and tested."""

    kind: str = ""
    hash: str = ""
    train: SplitPart | None = None
    validation: SplitPart | None = None
    test: SplitPart | None = None

    @property
    def unseen_speakers(self) -> bool:
        """Whether no test speaker is heard in training."""
        return self.kind.startswith(("actor", "speaker"))


class Corpus(_Part):
    """The recordings' corpus."""

    name: str = ""
    note: str = ""

    @property
    def synthetic(self) -> bool:
        """Whether machines spoke it."""
        return "synthetic" in f"{self.name} {self.note}".lower()


class Parameters(_Part):
    """Numbers of parameters."""

    trained: int | None = None
    network: int | None = None
    front: int | None = None


class Reconstruction(_Part):
    """How well RH-Emo gives its input back, and how much its four axes vary on unseen clips."""

    bce: float | None = None
    bce_constant: float | None = None
    axis_deviation: list[float | None] = []


class Resources(_Part):
    """What a run took."""

    seconds_per_epoch: float | None = None
    epoch_seconds: list[float | None] = []
    peak_memory_bytes: int | None = None
    device: str = ""
    threads: int | None = None


class Record(_Part):
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
    paths = [path for path in folder.rglob("record.json") if not _hidden(path.relative_to(folder))]
    if not paths:
        raise ReportError(f"no record.json anywhere in {folder}: train something first, or give the folder of the runs")
    found = sorted(
        ((_read_record(path), path.parent.relative_to(folder).as_posix(), path) for path in paths),
        key=lambda item: (_order(item[0]), item[1]),
    )
    names = [record.name for record, _, _ in found]
    return [
        Run(
            record=record,
            place=place,
            label=record.name if names.count(record.name) == 1 else f"{record.name} ({place})",
            predictions=_read_predictions(path.with_name("predictions.csv")) if record.task == "emotion" else None,
        )
        for record, place, path in found
    ]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _order(record: Record) -> tuple[Any, ...]:
    known = record.method in _METHOD_ORDER
    method = _METHOD_ORDER.index(record.method) if known else len(_METHOD_ORDER)
    return (record.corpus.name, record.split.kind, record.split.hash, method, record.method, record.layers, record.name)


def _read_record(path: Path) -> Record:
    try:
        return Record.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        where = f"{key}: " if key else ""
        raise ReportError(
            f"{path} is no record of a run in format {FORMAT} ({where}{first['msg']}): move it away or train again"
        ) from error


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
