"""Resources of networks and AT layers: time, memory, parameters, and their ratios to another network's."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import product

from hamiltone.records import RunRecord

from ._study_results import EMBEDDING_CONTROL, QUATERNION, REAL, StudyResults, StudyRun


@dataclass(frozen=True)
class Costs:
    """Medians over runs, or ratios of such; None where it was not measured, or there is nothing to compare with.

    Attributes:
        seconds: of an epoch, by the clock.
        cpu_seconds: of an epoch, of all the process's threads.
        memory: the process's peak, in bytes.
        parameters: that are trained.
    """

    seconds: float | None
    cpu_seconds: float | None
    memory: float | None
    parameters: float | None

    def over(self, other: "Costs | None") -> "Costs":
        """How many times the other's."""
        return Costs(*(_ratio(getattr(self, part.name), other and getattr(other, part.name)) for part in fields(Costs)))


@dataclass(frozen=True)
class ResourceRow:
    """A network and an AT layer (None without AT) on one corpus and split.

    Attributes:
        runs: how many runs the medians are of; all anti-transfer types, seeds and folds.
        costs: what it takes.
        of_real: how many times that of the real network without AT.
        of_same: how many times that of the same network without AT.
    """

    corpus: str
    split: str
    network: str
    layer: int | None
    runs: tuple[StudyRun, ...]
    costs: Costs
    of_real: Costs
    of_same: Costs


@dataclass(frozen=True)
class ResourceTable:
    """All rows, and under which conditions they were measured.

    Attributes:
        side_by_side: at most how many runs went at the same time; None where some record does not tell.
    """

    rows: tuple[ResourceRow, ...]
    side_by_side: int | None
    devices: tuple[str, ...]
    processors: tuple[str, ...]
    threads: tuple[int, ...]

    @property
    def by_cpu(self) -> bool:
        """Whether times are compared by CPU seconds: the processor did all the work, and every row tells."""
        told = all(row.costs.cpu_seconds is not None for row in self.rows)
        return told and all(device == "cpu" for device in self.devices)

    def row(self, corpus: str, split: str, network: str) -> ResourceRow | None:
        """The row of a network without AT."""
        wanted = (corpus, split, network, None)
        return next((row for row in self.rows if (row.corpus, row.split, row.network, row.layer) == wanted), None)

    @property
    def words(self) -> list[str]:
        """How to read the table, and the control that separates two savings, one sentence or two each."""
        return [*self._conditions(), *self._control()]

    def _conditions(self) -> list[str]:
        words = []
        if self.side_by_side is None:
            words.append("The records do not say how many runs went side by side: take wall times with care.")
        elif self.side_by_side > 1:
            words.append(
                f"Up to {self.side_by_side} runs went side by side, so wall times are not comparable: "
                "compare CPU seconds, the time of the process on all its threads."
            )
        else:
            words.append("Runs went one at a time, so wall times are comparable.")
        if any(device != "cpu" for device in self.devices):
            words.append(f"Device: {', '.join(self.devices)}. CPU seconds do not count what a GPU does.")
        if len(self.processors) > 1 or len(self.threads) > 1:
            threads = ", ".join(map(str, self.threads))
            words.append(
                f"Runs differ in processor or threads ({'; '.join(self.processors) or 'unknown'}; {threads} threads), "
                "and times across them are not comparable."
            )
        return words

    def _control(self) -> list[str]:
        words = []
        for corpus, split in dict.fromkeys((row.corpus, row.split) for row in self.rows):
            real, quaternion, control = (
                self.row(corpus, split, name) for name in (REAL, QUATERNION, EMBEDDING_CONTROL)
            )
            if real is None or quaternion is None:
                continue
            whole = _in_words(quaternion.costs.over(real.costs), self.by_cpu)
            text = f"{corpus}, {split} split, without AT: the quaternion network takes {whole} of the real one."
            if control is not None:
                of_input = _in_words(control.costs.over(real.costs), self.by_cpu)
                of_weights = _in_words(quaternion.costs.over(control.costs), self.by_cpu)
                text += (
                    f" The paper lacks the control: a real network on the same 4 x 64 x 64 embedding, whose map has "
                    f"16 times fewer positions than the 512 x 128 spectrogram, takes {of_input} of the real one: "
                    f"that much is the input's doing. Quaternion weights on the same embedding take {of_weights} "
                    "of the control: that much is theirs."
                )
            else:
                text += (
                    " How much of it is the doing of the smaller input and how much of quaternion weights, "
                    "only the control can tell (real-on-embedding), of which there is no run."
                )
            words.append(text)
        return words


def resource_table(study: StudyResults) -> ResourceTable:
    """Medians of time and memory over the recognisers that are done, by corpus, split, network and AT layer."""
    groups: dict[tuple[str, str, str, int | None], list[StudyRun]] = {}
    for corpus, split, network in product(study.corpora, study.splits, study.networks):
        done = [run for run in study.of(corpus=corpus, split=split, network=network) if run.record]
        for run in sorted(done, key=lambda run: run.condition.layer or 0):
            groups.setdefault((corpus, split, network, run.condition.layer), []).append(run)
    costs = {key: _costs([run.record for run in runs if run.record]) for key, runs in groups.items()}
    rows = [
        ResourceRow(
            *key,
            runs=tuple(runs),
            costs=costs[key],
            of_real=costs[key].over(costs.get((*key[:2], REAL, None))),
            of_same=costs[key].over(costs.get((*key[:3], None))),
        )
        for key, runs in groups.items()
    ]
    told = [run.record.resources for run in study.recognisers if run.record]
    together = [item.side_by_side for item in told]
    return ResourceTable(
        rows=tuple(rows),
        side_by_side=None if None in together else max(filter(None, together), default=None),
        devices=tuple(sorted({item.device for item in told})),
        processors=tuple(sorted({item.processor for item in told if item.processor})),
        threads=tuple(sorted({item.threads for item in told})),
    )


def _costs(records: Sequence[RunRecord]) -> Costs:
    return Costs(
        seconds=_median(record.resources.seconds_per_epoch for record in records),
        cpu_seconds=_median(record.resources.cpu_seconds_per_epoch for record in records),
        memory=_median(record.resources.peak_memory_bytes for record in records),
        parameters=_median(record.parameters["trained"] for record in records),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(statistics.median(known)) if known else None


def _ratio(value: float | None, other: float | None) -> float | None:
    return None if value is None or not other else value / other


def _in_words(ratio: Costs, by_cpu: bool) -> str:
    time, kind = (ratio.cpu_seconds, "CPU time") if by_cpu else (ratio.seconds, "time")
    parts = [(time, kind), (ratio.memory, "peak memory"), (ratio.parameters, "parameters")]
    known = [f"{value:.2f} times the {name}" for value, name in parts if value is not None]
    return " and ".join(part for part in (", ".join(known[:-1]), *known[-1:]) if part) or "an unknown part"
