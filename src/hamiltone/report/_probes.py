"""The numbers of the probes: what can be read from each layer's features, with and without anti-transfer."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ._records import METHODS
from ._study import Study, StudyRun
from ._study_files import ProbeTarget
from ._table1 import Table1, TableCell

TARGETS = ("speaker", "word", "emotion")
LAST_HIDDEN = 14
"""The number that probes give to the last hidden layer of the classifier; 1..13 are convolutions."""


@dataclass(frozen=True)
class ProbeLine:
    """The probes' mean accuracy by layer, over the probed runs of one cell of Table 1."""

    method: str
    layers: tuple[int, ...]
    accuracies: tuple[float, ...]
    runs: int


@dataclass(frozen=True)
class ProbePanel:
    """One network and one target: a line without AT and one for each AT type, and chance."""

    corpus: str
    split: str
    network: str
    target: str
    lines: tuple[ProbeLine, ...]
    chance: float | None
    apart: str


@dataclass(frozen=True)
class ProbeRow:
    """A target read with and without AT, at the AT layer and at the last hidden layer; the same seeds and folds."""

    corpus: str
    split: str
    network: str
    method: str
    target: str
    layers: tuple[int, ...]
    at_layer: tuple[float, float] | None
    last_hidden: tuple[float, float] | None
    chance: float | None


@dataclass(frozen=True)
class Probes:
    """All panels and rows, the runs behind them, and why some target is missing."""

    panels: tuple[ProbePanel, ...]
    rows: tuple[ProbeRow, ...]
    runs: tuple[StudyRun, ...]
    missing: tuple[str, ...]


def probes(study: Study, table: Table1) -> Probes | None:
    """Gather the probes of the runs that Table 1 selects; None if none of them was probed."""
    probed = [run for run in study.recognisers if run.probe]
    panels, rows, behind = [], [], {}
    for corpus, split, network in dict.fromkeys((cell.corpus, cell.split, cell.network) for cell in table.cells):
        cells = {
            cell.method: cell
            for cell in table.cells
            if (cell.corpus, cell.split, cell.network) == (corpus, split, network) and cell.method in METHODS
        }
        for target in TARGETS:
            found = [(method, _read(cell, target)) for method, cell in cells.items()]
            lines = [_line(method, read) for method, read in found if read]
            if not lines:
                continue
            everything = [value for _, read in found for layers in read.values() for value in layers.values()]
            apart = ", ".join(sorted({value.apart for value in everything if value.apart}))
            chance = _mean(value.chance for value in everything)
            panels.append(ProbePanel(corpus, split, network, target, tuple(lines), chance, apart))
            rows += [
                row
                for method, cell in cells.items()
                if method != "none" and (row := _row(cell, cells["none"], target, chance)) is not None
            ]
        behind |= {run.planned.folder: run for cell in cells.values() for run in cell.selection.runs if run.probe}
    if not panels:
        return None
    missing = {
        f"{target}: {reason}"
        for run in probed
        if run.probe
        for part in (run.probe, *run.probe.layers)
        for target, reason in part.missing.items()
    }
    return Probes(tuple(panels), tuple(rows), tuple(behind.values()), tuple(sorted(missing)))


_Read = dict[tuple[int, int], dict[int, ProbeTarget]]
"""What was read of one target, by fold and seed, by layer."""


def _read(cell: TableCell, target: str) -> _Read:
    found = {}
    for run in cell.selection.runs:
        layers = run.probe.layers if run.probe else []
        of_layer = {layer.layer: layer.targets[target] for layer in layers if target in layer.targets}
        if of_layer:
            found[run.condition.fold, run.condition.seed] = of_layer
    return found


def _line(method: str, read: _Read) -> ProbeLine:
    layers = sorted({layer for of_layer in read.values() for layer in of_layer})
    means = [statistics.fmean(found[layer].accuracy for found in read.values() if layer in found) for layer in layers]
    return ProbeLine(method, tuple(layers), tuple(means), len(read))


def _row(cell: TableCell, baseline: TableCell, target: str, chance: float | None) -> ProbeRow | None:
    with_at, without = _read(cell, target), _read(baseline, target)
    chosen = {(run.condition.fold, run.condition.seed): run.condition.layer for run in cell.selection.runs}
    at_layer, last = [], []
    for place in with_at.keys() & without.keys():
        for layer, pairs in ((chosen[place], at_layer), (LAST_HIDDEN, last)):
            if layer is not None and layer in with_at[place] and layer in without[place]:
                pairs.append((without[place][layer].accuracy, with_at[place][layer].accuracy))
    if not at_layer and not last:
        return None
    return ProbeRow(
        corpus=cell.corpus,
        split=cell.split,
        network=cell.network,
        method=cell.method,
        target=target,
        layers=tuple(sorted({layer for layer in cell.selection.layers if layer is not None})),
        at_layer=_means(at_layer),
        last_hidden=_means(last),
        chance=chance,
    )


def _means(pairs: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    if not pairs:
        return None
    without, with_at = zip(*pairs, strict=True)
    return statistics.fmean(without), statistics.fmean(with_at)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
