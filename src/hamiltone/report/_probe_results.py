"""Probe results: what linear probes read from each layer's features, with and without anti-transfer."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hamiltone.measures import Interval, mean_over_folds
from hamiltone.records import METHOD_NAMES, Probe, ProbeTarget

from ._study_results import StudyResults, StudyRun
from ._table1 import Table1, TableCell

PROBE_WORDS = (
    "Mean accuracy of linear probes over the seeds and folds that both have. Differences in percentage points; "
    "brackets are 95 % t intervals over folds (three or more), each of other speakers, seeds of a fold counting as "
    "one; none is corrected for their number."
)
TARGETS = ("speaker", "word", "emotion")


@dataclass(frozen=True)
class ProbeLine:
    """The probes' mean accuracy by layer, over the probed runs of one cell of Table 1."""

    method: str
    layers: tuple[int, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class ProbePanel:
    """One network and one target: a line without AT and one for each AT type, and chance.

    Attributes:
        last_hidden: the number of the last hidden layer; the convolutions' are lower.
    """

    corpus: str
    split: str
    network: str
    target: str
    lines: tuple[ProbeLine, ...]
    chance: float
    last_hidden: int


@dataclass(frozen=True)
class ProbeRow:
    """A target read with and without AT, at the AT layer and at the last hidden layer; the same seeds and folds.

    Attributes:
        at_layer: mean accuracy without and with AT, and the difference, with its interval over folds.
        last_hidden: likewise.
    """

    corpus: str
    split: str
    network: str
    method: str
    target: str
    layers: tuple[int, ...]
    at_layer: tuple[float, float, Interval] | None
    last_hidden: tuple[float, float, Interval] | None
    chance: float


@dataclass(frozen=True)
class ProbeResults:
    """All panels and rows, the runs behind them, and why some target is missing."""

    panels: tuple[ProbePanel, ...]
    rows: tuple[ProbeRow, ...]
    runs: tuple[StudyRun, ...]
    missing: tuple[str, ...]


_Readings = dict[tuple[int, int], dict[int, ProbeTarget]]
"""What was read of one target, by fold and seed, by layer."""
_Pairs = dict[tuple[int, int], tuple[float, float]]
"""Accuracy without and with AT, by fold and seed."""


def probe_results(study: StudyResults, table: Table1) -> ProbeResults | None:
    """Gather the probes of the runs that Table 1 selects; None if none of them was probed."""
    panels, rows, behind = [], [], {}
    for place in dict.fromkeys((cell.corpus, cell.split, cell.network) for cell in table.cells):
        cells = {
            cell.method: cell
            for cell in table.cells
            if (cell.corpus, cell.split, cell.network) == place and cell.method in METHOD_NAMES
        }
        probed = [run for cell in cells.values() for run in cell.selection.runs if run.probe]
        behind |= {run.planned.folder: run for run in probed}
        last_hidden = max((run.probe.last_hidden for run in probed if run.probe), default=0)
        for target in TARGETS:
            read = {method: found for method, cell in cells.items() if (found := _read(cell, target))}
            if read:
                panel = _panel(place, target, read, last_hidden)
                panels.append(panel)
                rows += [row for method in read if (row := _row(cells[method], read, panel))]
    if not panels:
        return None
    probes = [run.probe for run in study.recognisers if run.probe]
    return ProbeResults(tuple(panels), tuple(rows), tuple(behind.values()), _missing(probes))


def _read(cell: TableCell, target: str) -> _Readings:
    found = {}
    for run in cell.selection.runs:
        layers = run.probe.layers if run.probe else ()
        of_layer = {layer.layer: layer.targets[target] for layer in layers if target in layer.targets}
        if of_layer:
            found[run.condition.fold, run.condition.seed] = of_layer
    return found


def _panel(place: tuple[str, str, str], target: str, read: Mapping[str, _Readings], last_hidden: int) -> ProbePanel:
    values = [value for readings in read.values() for layers in readings.values() for value in layers.values()]
    return ProbePanel(
        *place,
        target=target,
        lines=tuple(_line(method, readings) for method, readings in read.items()),
        chance=statistics.fmean(value.chance for value in values),
        last_hidden=last_hidden,
    )


def _line(method: str, readings: _Readings) -> ProbeLine:
    layers = sorted({layer for of_layer in readings.values() for layer in of_layer})
    means = [
        statistics.fmean(of_layer[layer].accuracy for of_layer in readings.values() if layer in of_layer)
        for layer in layers
    ]
    return ProbeLine(method, tuple(layers), tuple(means))


def _row(cell: TableCell, read: Mapping[str, _Readings], panel: ProbePanel) -> ProbeRow | None:
    if cell.method == "none" or "none" not in read:
        return None
    with_at, without = read[cell.method], read["none"]
    chosen = {(run.condition.fold, run.condition.seed): run.condition.layer for run in cell.selection.runs}
    at_layer: _Pairs = {}
    last: _Pairs = {}
    for place in sorted(with_at.keys() & without.keys()):
        for layer, pairs in ((chosen[place], at_layer), (panel.last_hidden, last)):
            if layer is not None and layer in with_at[place] and layer in without[place]:
                pairs[place] = without[place][layer].accuracy, with_at[place][layer].accuracy
    if not at_layer and not last:
        return None
    return ProbeRow(
        corpus=cell.corpus,
        split=cell.split,
        network=cell.network,
        method=cell.method,
        target=panel.target,
        layers=tuple(sorted({layer for layer in cell.selection.layers if layer is not None})),
        at_layer=_means(at_layer),
        last_hidden=_means(last),
        chance=panel.chance,
    )


def _means(pairs: _Pairs) -> tuple[float, float, Interval] | None:
    if not pairs:
        return None
    without, with_at = zip(*pairs.values(), strict=True)
    differences = {place: after - before for place, (before, after) in pairs.items()}
    return statistics.fmean(without), statistics.fmean(with_at), mean_over_folds(differences)


def _missing(probes: Sequence[Probe]) -> tuple[str, ...]:
    """What could not be probed, and why; once for all layers and runs."""
    reasons = {item for probe in probes for layer in probe.layers for item in layer.missing.items()}
    return tuple(sorted(f"{target}: {reason}" for target, reason in reasons))
