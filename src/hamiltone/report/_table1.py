"""Numbers of Table 1: each cell of corpus, split, network and anti-transfer (AT) type, against its baseline."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import pandas as pd

from hamiltone.measures import (
    Interval,
    accuracy_from_confusion,
    holm,
    mean_paired_interval,
    paired_permutation_test,
)
from hamiltone.records import METHOD_NAMES

from ._layer_selection import Selection, select_baseline, select_layer
from ._pooled_clips import accuracy_of, paired_clips, pooled, uar_of
from ._study_results import StudyResults, StudyRun

BEST_OF = "none, best of k"
_CELL_ORDER = ("none", BEST_OF, *METHOD_NAMES[1:])


@dataclass(frozen=True)
class Spread:
    """A measure over the seeds: its mean, and the standard deviation where there are at least two."""

    mean: float
    deviation: float | None
    seeds: int


@dataclass(frozen=True)
class TableCell:
    """One cell. Measures are shares in 0..1; everything is None where no run is done.

    Attributes:
        method: none, single S, single W, dual SW, dual WS, or the selection control ``BEST_OF``.
        selection: the runs that it is made of.
        absent: why the cell has no numbers, or nothing.
        clips: the test clips of all its runs, pooled over folds and seeds.
        parameters: what the network trains.
        accuracy: of the pooled clips, with its interval over speakers.
        uar: likewise.
        accuracy_over_seeds: mean and spread.
        uar_over_seeds: likewise.
        difference: accuracy minus the baseline's, on the clips of the seeds and folds that both have.
        compared: on how many clips that difference is.
        p: of the paired test of that difference; anti-transfer only.
        p_adjusted: p adjusted by Holm over the table.
    """

    corpus: str
    split: str
    network: str
    method: str
    selection: Selection
    absent: str
    clips: pd.DataFrame
    parameters: int | None = None
    accuracy: Interval | None = None
    uar: Interval | None = None
    accuracy_over_seeds: Spread | None = None
    uar_over_seeds: Spread | None = None
    difference: Interval | None = None
    compared: int | None = None
    p: float | None = None
    p_adjusted: float | None = None

    @property
    def speakers(self) -> int | None:
        """How many speakers its test clips have."""
        return self.accuracy and self.accuracy.speakers

    @property
    def note(self) -> str:
        """Why there are no numbers, or what is missing behind them, or nothing."""
        parts = [self.absent or self.selection.note]
        if self.compared is not None and self.compared < len(self.clips):
            parts.append(f"difference on the {self.compared} of {len(self.clips)} clips that the baseline has")
        return "; ".join(part for part in parts if part)

    @property
    def name(self) -> str:
        """The cell in words."""
        method = "no AT" if self.method == "none" else self.method.replace("none", "no AT")
        return f"{self.corpus}, {self.split} split, {self.network}, {method}"


@dataclass(frozen=True)
class Table1:
    """All cells, by corpus, network, method and split, and the splits."""

    cells: tuple[TableCell, ...]
    splits: tuple[str, ...]

    @cached_property
    def rows(self) -> list[tuple[str, str, str]]:
        """Corpus, network and method of each row."""
        return list(dict.fromkeys((cell.corpus, cell.network, cell.method) for cell in self.cells))

    @property
    def tests(self) -> int:
        """How many tests the adjustment of p counts."""
        return sum(cell.p is not None for cell in self.cells)

    def cell(self, corpus: str, split: str, network: str, method: str) -> TableCell:
        """The cell of that name."""
        wanted = (corpus, split, network, method)
        return next(cell for cell in self.cells if (cell.corpus, cell.split, cell.network, cell.method) == wanted)


def table1(study: StudyResults) -> Table1:
    """Work out every cell of a study.

    Each network has a row for each method that is planned for it, and a row ``BEST_OF`` wherever a baseline was trained
    again with other seeds.
    """
    cells = []
    for corpus, network in product(study.corpora, study.networks):
        of_split = {split: study.of(corpus=corpus, network=network, split=split) for split in study.splits}
        baselines = {split: _cell(corpus, split, network, "none", runs) for split, runs in of_split.items()}
        for method in _CELL_ORDER:
            if _has_row(method, [run for runs in of_split.values() for run in runs]):
                cells += [
                    _compared(_cell(corpus, split, network, method, runs), baselines[split])
                    for split, runs in of_split.items()
                ]
    adjusted = holm([cell.p for cell in cells])
    cells = [replace(cell, p_adjusted=p) for cell, p in zip(cells, adjusted, strict=True)]
    return Table1(tuple(cells), tuple(study.splits))


def _has_row(method: str, runs: Sequence[StudyRun]) -> bool:
    if method == BEST_OF:
        return any(run.condition.reseed for run in runs)
    return any(run.condition.method == method for run in runs)


def _cell(corpus: str, split: str, network: str, method: str, runs: Iterable[StudyRun]) -> TableCell:
    if method == BEST_OF:
        candidates = [run for run in runs if run.condition.method == "none"]
        selection = select_baseline(candidates)
    else:
        candidates = [run for run in runs if run.condition.method == method and run.condition.reseed == 0]
        selection = select_layer(candidates)
    clips = pooled(selection.runs)
    cell = TableCell(corpus, split, network, method, selection, "", clips)
    if clips.empty:
        return replace(cell, absent=_why_absent(candidates))
    trained = [run.record.parameters["trained"] for run in selection.runs if run.record]
    of_seeds = [part for _, part in clips.groupby("seed")]
    return replace(
        cell,
        parameters=trained[0],
        accuracy=accuracy_of(clips),
        uar=uar_of(clips),
        accuracy_over_seeds=_spread([accuracy_of(part).estimate for part in of_seeds]),
        uar_over_seeds=_spread([uar_of(part).estimate for part in of_seeds]),
    )


def _compared(cell: TableCell, baseline: TableCell) -> TableCell:
    both = paired_clips(cell.clips, baseline.clips) if cell.method != "none" else None
    if both is None:
        return cell
    difference = mean_paired_interval(accuracy_from_confusion, [both])
    cell = replace(cell, difference=difference, compared=len(both.truth))
    if cell.method == BEST_OF:
        return cell
    test = paired_permutation_test(accuracy_from_confusion, both.truth, both.prediction, both.baseline, both.speakers)
    return replace(cell, p=test.p)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, seeds=len(values))


def _why_absent(runs: Sequence[StudyRun]) -> str:
    if not runs:
        return "not planned"
    failed = [run.reason for run in runs if run.state == "failed"]
    if failed:
        return f"failed: {failed[0]}" + (f" (and {len(failed) - 1} more)" if len(failed) > 1 else "")
    skipped = [run.reason for run in runs if run.state == "skipped"]
    if skipped:
        return f"skipped: {skipped[0]}"
    if any(run.state == "done" for run in runs):
        return "no predictions.csv beside the record"
    return "not run yet"
