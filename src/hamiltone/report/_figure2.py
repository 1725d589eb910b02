"""Numbers of Figure 2: the change of accuracy by anti-transfer at each layer, averaged over the corpora."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from hamiltone.measures import Interval, PairedClips, accuracy_from_confusion, mean_paired_interval
from hamiltone.records import METHODS, Letters

from ._pooled_clips import paired_clips, pooled
from ._study_results import StudyResults, StudyRun

TASKS: tuple[Letters, ...] = ("S", "W")
"""The letters of the orthogonal tasks, each with single anti-transfer alone."""


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
    """All lines and their networks, the mean at each layer over the lines that have it, and the runs behind them."""

    lines: tuple[LayerLine, ...]
    networks: tuple[str, ...]
    mean: tuple[LayerPoint, ...]
    runs: tuple[StudyRun, ...]

    @property
    def splits(self) -> list[str]:
        """The splits that have lines."""
        return list(dict.fromkeys(line.split for line in self.lines))

    @property
    def layers(self) -> list[int]:
        """Every layer at which there is something to see."""
        return sorted({point.layer for line in self.lines for point in line.points})

    @property
    def notes(self) -> list[str]:
        """What the figure lacks, one sentence each."""
        notes = []
        for split in self.splits:
            points = [point for line in self.lines if line.split == split for point in line.points]
            bare = {point.difference.speakers for point in points if point.difference.low is None}
            if bare:
                people = f"{min(bare)} test speaker{'' if min(bare) == 1 else 's'}"
                notes.append(f"No bands in the {split} split, not estimable: a corpus has {people}.")
        if any(point.corpora < line.corpora for line in self.lines for point in line.points):
            notes.append("Some points average over fewer corpora than planned, since runs are missing.")
        if any(len({point.layer for point in line.points}) < len(self.layers) for line in self.lines):
            notes.append("Not every line has every layer; the mean is over the lines that have it.")
        return notes


def figure2(study: StudyResults) -> Figure2:
    """Work out Figure 2 from single anti-transfer and the baselines of the same corpus, split, network, seed and fold.

    Layers are not selected here: every layer's test accuracy is shown, as in the paper.
    """
    lines, behind, of_layer = [], {}, {}
    for split, network, task in product(study.splits, study.networks, TASKS):
        method = METHODS[task]
        runs = [
            run for run in study.of(split=split, network=network, reseed=0) if run.condition.method in (method, "none")
        ]
        found = _comparisons(runs)
        if found:
            planned = {run.condition.corpus for run in runs if run.condition.method == method}
            points = [_point(layer, clips) for layer, clips in found.items()]
            lines.append(LayerLine(split, network, task, tuple(points), len(planned)))
            behind |= {run.planned.folder: run for run in runs if run.predictions is not None}
        for layer, clips in found.items():
            of_layer.setdefault(layer, []).append(clips)
    networks = [network for network in study.networks if any(line.network == network for line in lines)]
    mean = [_mean_point(layer, of_layer[layer]) for layer in sorted(of_layer)] if len(lines) > 1 else []
    return Figure2(tuple(lines), tuple(networks), tuple(mean), tuple(behind.values()))


def _comparisons(runs: Sequence[StudyRun]) -> dict[int, list[PairedClips]]:
    """The paired clips of each layer, rising, one entry for each corpus that has both."""
    groups: dict[tuple[int | None, str], list[StudyRun]] = {}
    for run in (run for run in runs if run.predictions is not None):
        groups.setdefault((run.condition.layer, run.condition.corpus), []).append(run)
    clips = {group: pooled(members) for group, members in groups.items()}
    found: dict[int, list[PairedClips]] = {}
    for layer, corpus in sorted((key for key in groups if key[0] is not None), key=lambda key: key[0] or 0):
        baseline = clips.get((None, corpus))
        if layer is not None and baseline is not None:
            both = paired_clips(clips[layer, corpus], baseline, population=corpus)
            found.setdefault(layer, []).extend([both] if both else [])
    return {layer: comparisons for layer, comparisons in found.items() if comparisons}


def _point(layer: int, comparisons: Sequence[PairedClips]) -> LayerPoint:
    return LayerPoint(layer, mean_paired_interval(accuracy_from_confusion, comparisons), len(comparisons))


def _mean_point(layer: int, lines: Sequence[Sequence[PairedClips]]) -> LayerPoint:
    """Every line counts the same, whatever corpora it has."""
    weighted = [replace(clips, weight=1 / len(line)) for line in lines for clips in line]
    difference = mean_paired_interval(accuracy_from_confusion, weighted)
    return LayerPoint(layer, difference, max(map(len, lines)))
