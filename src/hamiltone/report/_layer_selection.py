"""Selection of AT layers and baselines on validation accuracy alone; no test result is looked at here."""

from collections.abc import Iterable
from dataclasses import dataclass

from ._study_results import StudyRun, mean_validation


@dataclass(frozen=True)
class Selection:
    """The selected runs of a cell, and how much of what was planned they are.

    Attributes:
        runs: the selected runs that are done, by fold and seed.
        layers: the selected layer of each fold (None without anti-transfer, or where no run of the fold is done).
        planned: how many runs the cell would have were all done: one per seed and fold.
        candidates: how many runs there were to select from.
        candidates_planned: how many there would be were all done.
    """

    runs: tuple[StudyRun, ...]
    layers: tuple[int | None, ...]
    planned: int
    candidates: int
    candidates_planned: int

    @property
    def note(self) -> str:
        """What is missing, or nothing."""
        parts = []
        if len(self.runs) < self.planned:
            parts.append(f"{len(self.runs)} of {self.planned} runs")
        if self.candidates < self.candidates_planned != self.planned:
            parts.append(f"chosen among {self.candidates} of {self.candidates_planned} runs")
        return "; ".join(parts)


def select_layer(runs: Iterable[StudyRun]) -> Selection:
    """Per fold the layer with the highest mean validation accuracy over its seeds; of equal ones the earlier layer.

    Args:
        runs: all runs of one corpus, split, network and method.
    """
    selected, layers, planned = [], [], 0
    everything = list(runs)
    for _, fold in _grouped(everything, "fold"):
        by_layer = dict(_grouped(fold, "layer"))
        planned += max(len(members) for members in by_layer.values())
        done = {layer: ready for layer, members in by_layer.items() if (ready := _usable(members))}
        best = min(done, key=lambda layer: (-mean_validation(done[layer]), layer or 0), default=None)
        layers.append(best)
        selected.extend(done.get(best, ()))
    return Selection(tuple(selected), tuple(layers), planned, len(_usable(everything)), len(everything))


def select_baseline(runs: Iterable[StudyRun]) -> Selection:
    """Per fold and seed the one of the re-seeded baselines with the highest validation accuracy; else the first.

    It is the choice that anti-transfer has among its layers, without anti-transfer.

    Args:
        runs: all baselines of one corpus, split and network, the re-seeded ones among them.
    """
    selected, planned, folds = [], 0, 0
    everything = list(runs)
    for _, fold in _grouped(everything, "fold"):
        folds += 1
        for _, members in _grouped(fold, "seed"):
            planned += 1
            ready = sorted(_usable(members), key=lambda run: (-mean_validation([run]), run.condition.reseed))
            selected.extend(ready[:1])
    return Selection(tuple(selected), (None,) * folds, planned, len(_usable(everything)), len(everything))


def _usable(runs: Iterable[StudyRun]) -> list[StudyRun]:
    ready = [run for run in runs if run.predictions is not None]
    return sorted(ready, key=lambda run: run.condition.seed)


def _grouped(runs: Iterable[StudyRun], name: str) -> list[tuple[int | None, list[StudyRun]]]:
    groups: dict[int | None, list[StudyRun]] = {}
    for run in runs:
        groups.setdefault(getattr(run.condition, name), []).append(run)
    return sorted(groups.items(), key=lambda item: item[0] or 0)
