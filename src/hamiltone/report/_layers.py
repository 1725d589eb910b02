"""The numbers of Figure 2: what anti-transfer at each layer changes, averaged over the corpora."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from hamiltone.measures import Interval, PairedClips, accuracy_from_confusion, mean_paired_interval

from ._pooled import pooled, side_by_side
from ._study import Study, StudyRun
from ._table1 import NETWORK_ORDER, SPLITS

TASKS = {"S": "single S", "W": "single W"}


@dataclass(frozen=True)
class LayerPoint:
    """The accuracy at one AT layer minus the baseline's, averaged over ``corpora`` corpora, as a share."""

    layer: int
    difference: Interval
    corpora: int


@dataclass(frozen=True)
class LayerLine:
    """One line: a split, a network and an orthogonal task (S, W), over the layers; ``corpora`` as planned."""

    split: str
    network: str
    task: str
    points: tuple[LayerPoint, ...]
    corpora: int


@dataclass(frozen=True)
class Figure2:
    """All lines, their mean at each layer over the lines that have it, and the runs behind them."""

    lines: tuple[LayerLine, ...]
    mean: tuple[LayerPoint, ...]
    runs: tuple[StudyRun, ...]

    @property
    def splits(self) -> list[str]:
        """The splits that have lines."""
        return [split for split in SPLITS if any(line.split == split for line in self.lines)]

    @property
    def networks(self) -> list[str]:
        """The networks that have lines, in their order."""
        return list(dict.fromkeys(line.network for line in sorted(self.lines, key=_network_place)))

    @property
    def layers(self) -> list[int]:
        """Every layer at which there is something to see."""
        return sorted({point.layer for line in self.lines for point in line.points})

    @property
    def notes(self) -> list[str]:
        """What the figure lacks, one sentence each."""
        notes = []
        for split in self.splits:
            bare = {
                point.difference.speakers
                for line in self.lines
                for point in line.points
                if line.split == split and point.difference.low is None
            }
            if bare:
                fewest = min(bare)
                people = f"{fewest} test speaker{'' if fewest == 1 else 's'}"
                notes.append(f"No bands in the {split} split, not estimable: a corpus has {people}.")
        if any(point.corpora < line.corpora for line in self.lines for point in line.points):
            notes.append("Some points average over fewer corpora than planned, since runs are missing.")
        if any(len({point.layer for point in line.points}) < len(self.layers) for line in self.lines):
            notes.append("Not every line has every layer; the mean is over the lines that have it.")
        return notes


def figure2(study: Study) -> Figure2:
    """Work out Figure 2 from single anti-transfer and the baselines of the same corpus, split, network, seed and fold.

    Layers are not selected here: every layer's test accuracy is shown, as in the paper.
    """
    runs = [run for run in study.recognisers if run.condition.reseed == 0]
    usable = [run for run in runs if run.run is not None and run.run.predictions is not None]
    of_condition: dict[tuple[str, str, str, str, int | None], list[StudyRun]] = {}
    for run in usable:
        condition = run.condition
        key = (condition.corpus, condition.split, condition.network, condition.method, condition.layer)
        of_condition.setdefault(key, []).append(run)
    baselines = {key[:3]: pooled(members) for key, members in of_condition.items() if key[3] == "none"}
    wanted = {
        (run.condition.split, run.condition.network, task): None
        for run in runs
        for task, method in TASKS.items()
        if run.condition.method == method
    }
    lines, behind, of_layer = [], [], {}
    for split, network, task in wanted:
        method = TASKS[task]
        planned = {run.condition.corpus for run in runs if _of(run) == (split, network, method)}
        found = _comparisons(of_condition, baselines, (split, network, method))
        points = []
        for layer, comparisons in sorted(found.items()):
            points.append(_point(layer, comparisons, len(comparisons)))
            of_layer.setdefault(layer, []).append(comparisons)
        if points:
            lines.append(LayerLine(split, network, task, tuple(points), len(planned)))
            behind += [run for run in usable if _of(run) in ((split, network, method), (split, network, "none"))]
    mean = [
        _point(layer, [_weighted(clips, 1 / len(line)) for line in parts for clips in line], max(map(len, parts)))
        for layer, parts in sorted(of_layer.items())
    ]
    lines.sort(key=lambda line: (SPLITS.index(line.split), _network_place(line), line.task))
    unique = {run.planned.folder: run for run in behind}
    return Figure2(tuple(lines), tuple(mean) if len(lines) > 1 else (), tuple(unique.values()))


def _of(run: StudyRun) -> tuple[str, str, str]:
    return run.condition.split, run.condition.network, run.condition.method


def _comparisons(
    of_condition: dict[tuple[str, str, str, str, int | None], list[StudyRun]],
    baselines: dict[tuple[str, ...], pd.DataFrame],
    line: tuple[str, str, str],
) -> dict[int, list[PairedClips]]:
    """The paired clips of each layer, one entry per corpus."""
    found: dict[int, list[PairedClips]] = {}
    for (corpus, split, network, method, layer), members in of_condition.items():
        if (split, network, method) != line or layer is None or (corpus, split, network) not in baselines:
            continue
        clips = side_by_side(pooled(members), baselines[corpus, split, network], population=corpus)
        if clips:
            found.setdefault(layer, []).append(clips)
    return found


def _point(layer: int, comparisons: Sequence[PairedClips], corpora: int) -> LayerPoint:
    return LayerPoint(layer, mean_paired_interval(accuracy_from_confusion, comparisons), corpora)


def _weighted(clips: PairedClips, weight: float) -> PairedClips:
    return PairedClips(clips.truth, clips.prediction, clips.baseline, clips.speakers, clips.population, weight)


def _network_place(line: LayerLine) -> tuple[int, str]:
    known = line.network in NETWORK_ORDER
    return (NETWORK_ORDER.index(line.network) if known else len(NETWORK_ORDER), line.network)
