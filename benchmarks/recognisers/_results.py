"""Results of the comparison: for each protocol and system one file of predictions and one of facts, and the looks."""

import csv
import gzip
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
from pydantic import Field

from hamiltone.files import atomic_write, locked
from hamiltone.records import Content, File, read_predictions

from ._errors import ComparisonError

RESULTS = Path(__file__).parent / "results"
LOOKS, TRIALS = "looks.csv", "trials.csv"
_LOOK_COLUMNS = ("date", "system", "protocol", "configuration", "why")
_TRIAL_COLUMNS = ("what", "validation", "note")


class FoldFacts(Content):
    """What is kept of one fold beside its predictions.

    Attributes:
        fold: which one tested.
        seed: of the training.
        split: the hash of its parts.
        parameters: how many numbers the model keeps.
        model_bytes: the size of the saved model; of machines the parameters as 32-bit numbers.
        minutes: of the processor, to fit, choices among settings included, features and decoding not.
        settings_hash: of a run's settings.
        chosen: what was chosen on the inner folds or the validation part, by name.
        notes: what must be said of the recordings.
        versions: of what decides the result.
    """

    fold: int
    seed: int
    split: str
    parameters: int
    model_bytes: int
    minutes: float
    settings_hash: str = ""
    chosen: dict[str, float] = Field(default={})
    notes: tuple[str, ...] = ()
    versions: dict[str, str]


class SystemResults(File):
    """Results of a system: one protocol, the folds that are done.

    Attributes:
        system: its name.
        protocol: its name.
        configuration: of the system; all folds have the same.
        labels: the classes, in the order of the scores.
        of_folds: how many folds the protocol has.
        corpus: which recordings, in a line.
        folds: the facts of each fold and seed that is done.
    """

    system: str
    protocol: str
    configuration: str
    labels: tuple[str, ...]
    of_folds: int
    corpus: str
    folds: tuple[FoldFacts, ...]

    def done(self, fold: int, seed: int) -> bool:
        """Whether there are predictions of that fold and seed."""
        return any((facts.fold, facts.seed) == (fold, seed) for facts in self.folds)

    def missing(self, seeds: Sequence[int]) -> list[tuple[int, int]]:
        """The folds and seeds that are not done."""
        return [(fold, seed) for fold in range(self.of_folds) for seed in seeds if not self.done(fold, seed)]

    def whole(self, seeds: Sequence[int]) -> tuple[int, ...]:
        """The seeds of which all folds are done."""
        return tuple(seed for seed in seeds if not self.missing([seed]))


def result_files(folder: Path, protocol: str, system: str) -> tuple[Path, Path]:
    """Where the facts and the predictions lie."""
    return folder / protocol / f"{system}.json", folder / protocol / f"{system}.csv.gz"


def read_results(folder: Path, protocol: str, system: str) -> SystemResults | None:
    """The facts of a system; None where nothing is done yet.

    Raises:
        RecordError: they cannot be read.
    """
    path, _ = result_files(folder, protocol, system)
    return SystemResults.read(path, "make it again") if path.is_file() else None


def read_answers(folder: Path, results: SystemResults) -> pd.DataFrame:
    """The predictions of all folds and seeds: as in a run's record, with ``fold`` and ``seed`` (whole numbers).

    Raises:
        RecordError: they cannot be read.
    """
    _, path = result_files(folder, results.protocol, results.system)
    return read_predictions(path).astype({"fold": int, "seed": int})


def add_fold(folder: Path, results: SystemResults, facts: FoldFacts, predictions: pd.DataFrame) -> None:
    """Keep one more fold; probabilities keep four digits.

    Args:
        folder: of all results.
        results: without folds: what the system, the protocol and the configuration are.
        facts: of the fold.
        predictions: a record's table of its test part.

    Raises:
        ComparisonError: there are results of another configuration.
    """
    path, table_path = result_files(folder, results.protocol, results.system)
    with locked(path):
        before = read_results(folder, results.protocol, results.system)
        check_configuration(path, before, results.configuration)
        tables = [predictions.assign(fold=facts.fold, seed=facts.seed)]
        others: tuple[FoldFacts, ...] = ()
        if before is not None:
            others = tuple(one for one in before.folds if (one.fold, one.seed) != (facts.fold, facts.seed))
            kept = read_answers(folder, before)
            tables.insert(0, kept.loc[(kept["fold"] != facts.fold) | (kept["seed"] != facts.seed)])
        table = pd.concat(tables, ignore_index=True).sort_values(["seed", "fold", "utterance"])
        text = table.to_csv(index=False, float_format="%.4f", lineterminator="\n")
        atomic_write(table_path, gzip.compress(text.encode(), mtime=0))  # the same bytes whenever it is written
        folds = tuple(sorted((*others, facts), key=lambda one: (one.seed, one.fold)))
        results.model_copy(update={"folds": folds}).write(path)


def check_configuration(path: Path, results: SystemResults | None, configuration: str) -> None:
    """See that results are of this configuration.

    Raises:
        ComparisonError: they are of another one.
    """
    if results is not None and results.configuration != configuration:
        raise ComparisonError(
            f"{path}: holds results of configuration {results.configuration}, and this is {configuration}: remove "
            "them, or give the new one a name of its own"
        )


def read_log(folder: Path, name: str) -> list[dict[str, str]]:
    """The lines of a log, by column; none where there is no log.

    Raises:
        ComparisonError: other columns.
    """
    path = folder / name
    if not path.is_file():
        return []
    lines = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    columns = _LOOK_COLUMNS if name == LOOKS else _TRIAL_COLUMNS
    if tuple(lines.fieldnames or ()) != columns:
        raise ComparisonError(f"{path}: its columns must be {', '.join(columns)}")
    return list(lines)


def write_look(folder: Path, system: str, protocol: str, configuration: str, why: str) -> None:
    """Write down that a configuration is tried on the outer folds, once.

    Raises:
        ComparisonError: it was not written down before, and no reason is given.
    """
    with locked(folder / LOOKS):
        looks = read_log(folder, LOOKS)
        if any(
            (look["system"], look["protocol"], look["configuration"]) == (system, protocol, configuration)
            for look in looks
        ):
            return
        if not why.strip():
            raise ComparisonError(
                f"{system} on {protocol}: this configuration was not tested before; say why it is now (--why TEXT), "
                f"which goes into {folder / LOOKS}"
            )
        line = (date.today().isoformat(), system, protocol, configuration, why)
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([_LOOK_COLUMNS, *(look.values() for look in looks), line])
        atomic_write(folder / LOOKS, text.getvalue())
