"""The record of a run, and that of an evaluation."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hamiltone.corpora import Split, Utterances
from hamiltone.settings import AntiTransferSettings

from ._content import Content, File, RecordError
from ._methods import Method
from ._notebook import record_html

RECORD = "record.json"
_AXES = 4


class Score(Content):
    """A measure in 0..1 with its 95 % interval over speakers, or a note that says why there is none."""

    value: float
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def interval(self) -> str:
        """The interval in words, as shares, or why there is none."""
        return self.note or f"{self.low:.3f} to {self.high:.3f}"


class Evaluation(Content):
    """What ``hamiltone.measures.summarise`` says of the clips of one part: rows of ``confusion`` are true classes."""

    clips: int
    speakers: int
    accuracy: Score
    uar: Score
    macro_f1: Score
    confusion: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]

    @model_validator(mode="after")
    def _square(self) -> "Evaluation":
        if [len(row) for row in self.confusion] != [len(self.labels)] * len(self.labels):
            raise ValueError(f"confusion is not a square of the {len(self.labels)} labels")
        return self

    @property
    def chance(self) -> float:
        """The accuracy of always naming the commonest class of these clips."""
        clips_of_class = [sum(row) for row in self.confusion]
        return max(clips_of_class) / sum(clips_of_class)


class Epoch(Content):
    """The values of one epoch by name: losses and their terms, and measures of the validation part."""

    epoch: int
    train: dict[str, float]
    validation: dict[str, float]


class PartSize(Content):
    """How much one part of a split holds, after silent recordings were left out."""

    clips: int
    frames: int
    speakers: int


class SplitHeading(Content):
    """Which split it is.

    Attributes:
        kind: by speaker (actor), by recording (random), ...
        hash: of the split itself.
        protocol: what it promises, in one line.
        scheme: how it was made, where its kind does not tell.
        folds: how many folds cover the corpus; None for one split by fractions.
        fold: which of them this is.
    """

    kind: str
    hash: str
    protocol: str
    scheme: str | None = None
    folds: int | None = None
    fold: int | None = None

    @property
    def unseen_speakers(self) -> bool:
        """Whether no test speaker is heard in training."""
        return self.kind.startswith(("actor", "speaker"))


class SplitFacts(SplitHeading):
    """Which clips trained, validated and tested a run, and how many they are."""

    train: PartSize
    validation: PartSize
    test: PartSize


class EvaluatedSplit(SplitHeading):
    """Which clips tested a model, and how many they are."""

    test: PartSize


def split_heading(split: Split, protocol: str) -> dict[str, Any]:
    """The values of a :class:`SplitHeading`."""
    heading = {"kind": split.kind, "hash": split.hash, "protocol": protocol}
    return heading | {"scheme": split.scheme, "folds": split.folds, "fold": split.fold}


class CorpusFacts(Content):
    """Which recordings, and what must be said of them."""

    name: str
    note: str

    @classmethod
    def of(cls, utterances: Utterances) -> "CorpusFacts":
        """Those of a table of utterances."""
        return cls(name=utterances.corpus, note=utterances.note)

    @property
    def synthetic(self) -> bool:
        """Whether machines spoke it."""
        return "synthetic" in f"{self.name} {self.note}".lower()


class Reconstruction(Content):
    """How well RH-Emo gives unseen spectrograms back, as binary cross-entropy, and how much its axes vary on them.

    Attributes:
        bce: RH-Emo's.
        bce_constant: that of always predicting the training part's mean.
        bce_mean_spectrogram: that of always predicting the training part's mean spectrogram, a harder rival.
        axis_deviation: of each axis of the embedding the standard deviation over test frames, averaged over elements.
    """

    bce: float
    bce_constant: float
    bce_mean_spectrogram: float
    axis_deviation: tuple[float, ...] = Field(min_length=_AXES, max_length=_AXES)


class Resources(Content):
    """What a run took; ``cpu_seconds`` are those of the process on all its threads, None where not measured.

    Attributes:
        side_by_side: how many runs went at the same time on this machine; None where it is not known.
    """

    seconds_per_epoch: float
    epoch_seconds: tuple[float, ...]
    cpu_seconds_per_epoch: float | None = None
    epoch_cpu_seconds: tuple[float, ...] = ()
    peak_memory_bytes: int
    device: str
    processor: str
    threads: int
    processes: int
    side_by_side: int | None = None


class RunRecord(File):
    """Record of a run: settings in, results out. Times and memory stand under ``resources`` alone.

    Attributes:
        hamiltone: the version that wrote it.
        run: the run's key.
        method: the type of anti-transfer; None of tasks that have none.
        layers: the convolutions that anti-transfer compares.
        chain: the anti-transfer that made the weights, in order: the letter of each orthogonal task, and its layers.
        settings: as read, for the reader; ``settings_hash`` tells them apart.
        rests_on: the keys of the runs that it rests on, by the setting that names them.
        parameters: how many, by what they belong to; ``trained`` is how many of all are trained.
        validation: of classifiers, on the validation part.
        test: of classifiers, and of RH-Emo with heads, on the test part.
        reconstruction: of RH-Emo.
        versions: of what decides a result.
        command: how it was started.
    """

    hamiltone: str
    format: Literal[1] = 1
    run: str
    name: str
    task: Literal["emotion", "speaker", "word", "rh-emo"]
    method: Method | None = None
    layers: tuple[int, ...] = ()
    chain: tuple[tuple[str, tuple[int, ...]], ...] = ()
    settings: dict[str, Any]
    settings_hash: str
    rests_on: dict[str, str]
    split: SplitFacts
    corpus: CorpusFacts
    notes: tuple[str, ...]
    labels: tuple[str, ...]
    parameters: dict[str, int]
    epochs: tuple[Epoch, ...]
    best_epoch: int
    stopped: Literal["patience", "epochs"]
    validation: Evaluation | None = None
    test: Evaluation | None = None
    reconstruction: Reconstruction | None = None
    resources: Resources
    versions: dict[str, str]
    command: str

    @field_validator("parameters")
    @classmethod
    def _trained(cls, parameters: dict[str, int]) -> dict[str, int]:
        if "trained" not in parameters:
            raise ValueError("trained is missing")
        return parameters

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return record_html(self)

    @property
    def evaluated(self) -> Evaluation | None:
        """The test, or the validation of a run without one."""
        return self.test or self.validation

    @property
    def method_words(self) -> tuple[str, str]:
        """For tables: the type of anti-transfer and its rival, speaker reversal; and what of them is not usual."""
        weight = self.settings.get("training", {}).get("speaker_reversal", 0)
        methods = [self.method] if self.method and not (weight and self.method == "none") else []
        asked = self.settings.get("anti_transfer") or {}
        told = [
            name.replace("_", " ") + ("" if value is True else f" {value}")
            for name in ("aggregation", "distance", "beta", "before_activation", "from_epoch")
            if (value := asked.get(name)) not in (None, AntiTransferSettings.model_fields[name].default)
        ]
        if weight:
            methods.append("speaker reversal")
            told.append(f"weight {weight:g}")
        return " + ".join(methods), ", ".join(told)


class EvaluationRecord(File):
    """Record of an evaluation: a saved recogniser on the test part of a corpus."""

    format: Literal[1] = 1
    name: str
    task: str
    model: str
    corpus: CorpusFacts
    split: EvaluatedSplit
    notes: tuple[str, ...]
    labels: tuple[str, ...]
    test: Evaluation
    versions: dict[str, str]
    command: str

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return record_html(self)


def read_record(folder: Path) -> RunRecord:
    """The record of a finished run.

    Raises:
        RecordError: the folder holds none, or one that cannot be read.
    """
    path = folder / RECORD
    if not path.is_file():
        raise RecordError(f"{folder}: no finished run ({RECORD} is missing); train it first")
    return RunRecord.read(path, "move it away, or train it again")
