"""The status of a study: what is planned, what is done, and what the rest will take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Literal

from hamiltone.records import (
    FAILURE,
    PLANS,
    PROBE,
    RECORD,
    PlannedRun,
    RecordError,
    StudyPlan,
    read_record,
)

from ._graph import Graph, Node
from ._settings import Study
from ._throughput import assumed_seconds

State = Literal["done", "failed", "skipped", "open"]


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to take, from finished runs that are like it."""

    seconds: float
    memory: int


@dataclass(frozen=True)
class Group:
    """Runs of one kind in a plan.

    Attributes:
        name: kind, and for recognisers network and anti-transfer.
        rests_on: the names of the groups beneath.
        states: how many runs are in each state.
        estimate: of one run that is not done yet; None where nothing like it was measured.
        left: how many are to be done.
    """

    name: str
    rests_on: tuple[str, ...]
    states: dict[State, int]
    estimate: Estimate | None
    left: int


@dataclass(frozen=True)
class StudyStatus:
    """A study's graph with the state of every run below an output folder.

    Attributes:
        study: the settings.
        graph: all runs.
        out: the output folder.
        states: of each run, by its folder.
        estimates: of each run that is not done, by its folder, where something like it was measured.
    """

    study: Study
    graph: Graph
    out: Path
    states: dict[str, State]
    estimates: dict[str, Estimate]

    @property
    def left(self) -> list[Node]:
        """The runs that are not done."""
        return [node for node in self.graph.nodes if self.states[node.folder] != "done"]

    @property
    def done(self) -> list[Node]:
        """The runs that are done."""
        return [node for node in self.graph.nodes if self.states[node.folder] == "done"]

    def probed(self, node: Node) -> bool:
        """Whether a run's layers are probed: those of recognisers, re-seeded baselines apart."""
        return _probed(self.study, node)

    def groups(self) -> list[Group]:
        """The runs by kind, in the order in which they can be done."""
        members: dict[str, list[Node]] = {}
        name_of = {node.folder: _group(node) for node in self.graph.nodes}
        for node in self.graph.nodes:
            members.setdefault(name_of[node.folder], []).append(node)
        groups = []
        for name, nodes in members.items():
            states: dict[State, int] = {}
            for node in nodes:
                state = self.states[node.folder]
                states[state] = states.get(state, 0) + 1
            left = [node for node in nodes if self.states[node.folder] != "done"]
            known = [self.estimates[node.folder] for node in left or nodes if node.folder in self.estimates]
            typical = Estimate(median(e.seconds for e in known), max(e.memory for e in known)) if known else None
            beneath = dict.fromkeys(name_of[folder] for node in nodes for folder in node.needs)
            groups.append(Group(name, tuple(beneath), states, typical, len(left)))
        return groups

    def seconds_left(self) -> float | None:
        """What all that is left will take one after another, or None where some of it was never measured."""
        if any(node.folder not in self.estimates for node in self.left):
            return None
        return sum(self.estimates[node.folder].seconds for node in self.left)

    def assumed_seconds(self) -> float | None:
        """What those that are left and were never measured take, one after another, as ``ASSUMPTION`` says.

        Where runs are done, at their pace: by how many times they took what is assumed of them. None where a network
        does not tell what it multiplies.
        """
        assumed = [self._assumed(node) for node in self.left if node.folder not in self.estimates]
        if None in assumed:
            return None
        done = [(self.estimates[node.folder].seconds, self._assumed(node)) for node in self.done]
        pairs = [(measured, expected) for measured, expected in done if expected]
        pace = sum(measured for measured, _ in pairs) / sum(expected for _, expected in pairs) if pairs else 1.0
        return pace * sum(filter(None, assumed))

    def expected_seconds(self) -> float | None:
        """What all that is left will take, one after another: as measured, else as assumed; None: not known."""
        assumed = self.assumed_seconds()
        known = [self.estimates[node.folder].seconds for node in self.left if node.folder in self.estimates]
        return None if assumed is None else assumed + sum(known)

    def _assumed(self, node: Node) -> float | None:
        return assumed_seconds(node.settings, self.graph.clips[node.folder])


def status_of(study: Study, graph: Graph, out: Path) -> StudyStatus:
    """See what is done below ``out``, and estimate the rest from it."""
    states: dict[str, State] = {}
    for node in graph.nodes:
        folder = out / node.folder
        if (folder / RECORD).is_file() and (not _probed(study, node) or (folder / PROBE).is_file()):
            states[node.folder] = "done"
        elif any(states[below] in ("failed", "skipped") for below in node.needs):
            states[node.folder] = "skipped"
        else:
            states[node.folder] = "failed" if (folder / FAILURE).is_file() else "open"
    trained = [node for node in graph.nodes if (out / node.folder / RECORD).is_file()]
    measured = [(node, _measured(out / node.folder)) for node in trained]
    estimates = {}
    for node in graph.nodes:
        if estimate := _estimate(node, measured):
            # What is trained and only lacks its probe takes a moment.
            lacks_probe = node in trained and states[node.folder] != "done"
            estimates[node.folder] = replace(estimate, seconds=0.0) if lacks_probe else estimate
    return StudyStatus(study, graph, out, states, estimates)


def write_plan(status: StudyStatus, command: str) -> int:
    """Write the plan and the splits below the output folder, where the report finds them.

    Returns:
        How many runs of an earlier plan of this name are no longer in it; their folders stay.
    """
    for path, split in status.graph.splits.items():
        if not (status.out / path).is_file():
            split.write(status.out / path)
    study = status.study
    plan = StudyPlan(
        study=study.name,
        command=command,
        settings=study.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        runs=tuple(
            PlannedRun(
                folder=node.folder, key=node.key, kind=node.kind, needs=node.needs, cell=node.cell, also=node.also
            )
            for node in status.graph.nodes
        ),
    )
    path = status.out / PLANS / f"{study.name}.json"
    dropped = _planned_before(path) - {run.folder for run in plan.runs}
    plan.write(path)
    return len(dropped)


def _planned_before(path: Path) -> set[str]:
    """The runs of a plan that was written before, if there is one that can be read."""
    try:
        return {run.folder for run in StudyPlan.read(path).runs}
    except RecordError:
        return set()


def _probed(study: Study, node: Node) -> bool:
    return study.probes and node.cell is not None and node.cell.reseed == 0


def _group(node: Node) -> str:
    if node.cell is None:
        network = node.settings.network.number_system if node.kind in ("word", "speaker", "recogniser") else ""
        return f"{node.kind} {network}".strip()
    name = f"recogniser {node.cell.network}, {node.cell.method}"
    return f"{name} (re-seeded)" if node.cell.reseed else name


def _measured(folder: Path) -> Estimate:
    resources = read_record(folder).resources
    return Estimate(sum(resources.epoch_seconds), resources.peak_memory_bytes)


def _estimate(node: Node, measured: Sequence[tuple[Node, Estimate]]) -> Estimate | None:
    """The median time and the most memory of the runs that are most like a run."""
    for likeness in (_same_method, _same_network):
        alike = [estimate for other, estimate in measured if likeness(other) == likeness(node)]
        if alike:
            return Estimate(median(e.seconds for e in alike), max(e.memory for e in alike))
    return None


def _same_network(node: Node) -> tuple[Any, ...]:
    settings = node.settings
    return node.kind, settings.corpus.name, settings.split_kind, settings.network, settings.front.kind


def _same_method(node: Node) -> tuple[Any, ...]:
    return *_same_network(node), node.cell and (node.cell.method, node.cell.layer)


def longest_chain(nodes: Iterable[Node], estimates: dict[str, Estimate]) -> dict[str, float]:
    """For each run the seconds (or runs, where not measured) of the longest chain that begins with it."""
    lengths: dict[str, float] = {}
    above: dict[str, float] = {}
    for node in reversed(list(nodes)):
        own = estimates[node.folder].seconds if node.folder in estimates else 1.0
        lengths[node.folder] = own + above.get(node.folder, 0.0)
        for below in node.needs:
            above[below] = max(above.get(below, 0.0), lengths[node.folder])
    return lengths
