"""Runs as a report has them: their records and predictions, with labels, in order."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from hamiltone.errors import HamiltoneError
from hamiltone.records import METHOD_NAMES, PREDICTIONS, RECORD, RunRecord, read_predictions, read_record

_Name = TypeVar("_Name")


class ReportError(HamiltoneError):
    """A report that cannot be made: no such folder, nothing in it, no such study; one line that says which."""


@dataclass(frozen=True)
class Run:
    """A record, where it was found (relative to the folder of the report), and its predictions, if it has them.

    Attributes:
        record: what the run wrote.
        place: the run's folder, relative and with forward slashes.
        label: a short name that no other run of the report has.
        predictions: of emotion runs utterance, speaker, truth, prediction and the scores of each class.
    """

    record: RunRecord
    place: str
    label: str
    predictions: pd.DataFrame | None


def read_runs(folder: Path) -> list[Run]:
    """All runs below ``folder``, ordered by corpus, split, method, layers and name; hidden folders are passed over.

    Raises:
        ReportError: no such folder, or no records in it.
        RecordError: a record or a table of predictions that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ReportError(f"there is no folder {folder}: give the folder that holds the runs")
    places = run_folders(folder)
    if not places:
        raise ReportError(f"no {RECORD} anywhere in {folder}: train something first, or give the folder of the runs")
    return read_runs_at(folder, places)


def run_folders(folder: Path) -> list[str]:
    """The folders below ``folder`` (and relative to it) that hold a record; hidden ones are passed over."""
    places = [path.parent.relative_to(folder) for path in folder.rglob(RECORD)]
    return [place.as_posix() for place in places if not any(part.startswith(".") for part in place.parts)]


def read_runs_at(folder: Path, places: Iterable[str]) -> list[Run]:
    """The runs in these folders (relative to ``folder``), in the order of ``read_runs``.

    Raises:
        RecordError: a record or a table of predictions that cannot be read.
    """
    found = sorted(((read_record(folder / place), place) for place in places), key=_order)
    names = Counter(record.name for record, _ in found)
    return [
        Run(
            record=record,
            place=place,
            label=record.name if names[record.name] == 1 else f"{record.name} ({place})",
            predictions=_predictions(folder / place / PREDICTIONS) if record.task == "emotion" else None,
        )
        for record, place in found
    ]


def protocols(records: Iterable[RunRecord]) -> list[str]:
    """Which protocol each corpus was split by, a line for each kind of split; of runs that tell it.

    Where several splits (folds) differ in their numbers, the protocols' names alone are told.
    """
    found: dict[str, dict[str, None]] = {}
    for record in records:
        if record.split.protocol:
            scheme = f" ({record.split.scheme})" if record.split.scheme else ""
            place = f"{record.corpus.name}, {record.split.kind} split{scheme}"
            found.setdefault(place, {})[record.split.protocol] = None
    lines = []
    for place, told in found.items():
        names = dict.fromkeys(line.partition(":")[0] for line in told)
        lines.append(f"{place}: {next(iter(told)) if len(told) == 1 else ' or '.join(names)}")
    return lines


def in_order(names: Iterable[_Name], first: Iterable[_Name]) -> list[_Name]:
    """Each name once: those of ``first`` in its order, then the others as they come.

    >>> in_order(["balanced", "actor", "column", "actor"], first=("random", "actor"))
    ['actor', 'balanced', 'column']
    """
    found = dict.fromkeys(names)
    known = [name for name in first if name in found]
    return list(dict.fromkeys([*known, *found]))


def _order(found: tuple[RunRecord, str]) -> tuple[Any, ...]:
    record, place = found
    method = METHOD_NAMES.index(record.method) if record.method else len(METHOD_NAMES)
    split = record.split
    return (record.corpus.name, split.kind, split.hash, method, record.method_words, record.layers, record.name, place)


def _predictions(path: Path) -> pd.DataFrame | None:
    return read_predictions(path) if path.is_file() else None
