"""What networks and AT layers cost: time and memory, and how many times those of another network."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from ._study import Study, StudyRun
from ._table1 import NETWORK_ORDER, SPLITS

REAL, QUATERNION, CONTROL = "real", "quaternion", "real-on-embedding"


@dataclass(frozen=True)
class Costs:
    """Medians over runs, or ratios of such; None where no record tells.

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
class Resources:
    """All rows, and under which conditions they were measured."""

    rows: tuple[ResourceRow, ...]
    side_by_side: tuple[int, ...]
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
        if any(number > 1 for number in self.side_by_side):
            words.append(
                f"Up to {max(self.side_by_side)} runs went side by side, so wall times are not comparable: "
                "compare CPU seconds, the time of the process on all its threads."
            )
        elif self.side_by_side:
            words.append("Runs went one at a time, so wall times are comparable.")
        else:
            words.append("The records do not say how many runs went side by side: take wall times with care.")
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
            real, quaternion, control = (self.row(corpus, split, name) for name in (REAL, QUATERNION, CONTROL))
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


def resources(study: Study) -> Resources:
    """Medians of time and memory over the recognisers that are done, by corpus, split, network and AT layer."""
    done = [run for run in study.recognisers if run.run is not None]
    groups: dict[tuple[str, str, str, int | None], list[StudyRun]] = {}
    for run in done:
        condition = run.condition
        layer = None if condition.method == "none" else condition.layer
        groups.setdefault((condition.corpus, condition.split, condition.network, layer), []).append(run)
    corpora = list(dict.fromkeys(key[0] for key in groups))
    costs = {key: _costs(members) for key, members in groups.items()}
    rows = []
    for key in sorted(
        groups, key=lambda key: (corpora.index(key[0]), SPLITS.index(key[1]), _place(key[2]), key[3] or 0)
    ):
        corpus, split, network, layer = key
        rows.append(
            ResourceRow(
                corpus=corpus,
                split=split,
                network=network,
                layer=layer,
                runs=tuple(groups[key]),
                costs=costs[key],
                of_real=costs[key].over(costs.get((corpus, split, REAL, None))),
                of_same=costs[key].over(costs.get((corpus, split, network, None))),
            )
        )
    told = [run.run.record.resources for run in done if run.run]
    return Resources(
        rows=tuple(rows),
        side_by_side=tuple(sorted({item.side_by_side for item in told if item.side_by_side is not None})),
        devices=tuple(sorted({item.device for item in told if item.device})),
        processors=tuple(sorted({item.processor for item in told if item.processor})),
        threads=tuple(sorted({item.threads for item in told if item.threads is not None})),
    )


def _costs(runs: Sequence[StudyRun]) -> Costs:
    records = [run.run.record for run in runs if run.run]
    return Costs(
        seconds=_median(record.resources.seconds_per_epoch for record in records),
        cpu_seconds=_median(record.resources.cpu_seconds_per_epoch for record in records),
        memory=_median(record.resources.peak_memory_bytes for record in records),
        parameters=_median(record.parameters.trained for record in records),
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


def _place(network: str) -> tuple[int, str]:
    return (NETWORK_ORDER.index(network) if network in NETWORK_ORDER else len(NETWORK_ORDER), network)
