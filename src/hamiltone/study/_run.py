"""Carrying out a study: every run once, each after those that it rests on, whatever fails or is interrupted."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hamiltone.files import atomic_write, locked

from ._executors import Executor
from ._graph import Node, build_graph
from ._jobs import Job, Outcome
from ._plan import FAILURE, Plan, State, longest_chain, make_plan, write_plan
from ._settings import Study
from ._watch import StudyWatch


@dataclass(frozen=True)
class Result:
    """What a call of :func:`run_study` found and did.

    Attributes:
        planned: how many runs the study has.
        before: how many were done before.
        done: how many were done now.
        failed: the reason for each run that failed, by folder.
        skipped: the folders of the runs that rest on one that failed.
    """

    planned: int
    before: int
    done: int
    failed: dict[str, str]
    skipped: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether all runs are done."""
        return self.before + self.done == self.planned


def plan_study(study: Study, out: Path) -> Plan:
    """See what a study consists of and what of it is done below ``out``; nothing is written.

    Raises:
        HamiltoneError: settings or corpora that cannot be used.
    """
    return make_plan(study, build_graph(study), Path(out))


def run_study(study: Study, out: Path, executor: Executor, *, command: str = "", quiet: bool = False) -> Result:
    """Carry out all runs of a study that are not done below ``out``.

    A run that fails is recorded with its reason, what rests on it is skipped, and the rest goes on; another call tries
    it again. Interrupted or killed at any moment, the same call goes on where it was.

    Args:
        study: the settings.
        out: the output folder; studies that share it share their runs.
        executor: where runs are carried out; it is closed at the end.
        command: how the study was started, for the records.
        quiet: show no progress.

    Raises:
        HamiltoneError: settings or corpora that cannot be used; a failed run raises nothing.
    """
    out = Path(out)
    plan = plan_study(study, out)
    with locked(out / "studies" / study.name):
        write_plan(plan, command)
        states = dict(plan.states)
        for folder, state in states.items():
            if state in ("failed", "skipped"):
                (out / folder / FAILURE).unlink(missing_ok=True)
                states[folder] = "open"
        before = sum(state == "done" for state in states.values())
        failed: dict[str, str] = {}
        urgency = longest_chain(plan.graph.nodes, plan.estimates)
        order = sorted(plan.graph.nodes, key=lambda node: -urgency[node.folder])
        running: set[str] = set()
        try:
            with StudyWatch(study.name, out, len(states), before, quiet=quiet) as watch:
                while True:
                    _skip(order, states)
                    for node in order:
                        ready = all(states[below] == "done" for below in node.needs)
                        if states[node.folder] == "open" and node.folder not in running and ready:
                            if not executor.has_room():
                                break
                            executor.start(_job(plan, node, command, executor.side_by_side))
                            running.add(node.folder)
                            watch.started(node.folder)
                    if not running:
                        break
                    for folder, outcome in executor.wait(seconds=0.5).items():
                        running.discard(folder)
                        states[folder] = outcome.state
                        watch.ended(folder, outcome)
                        if outcome.state == "failed":
                            failed[folder] = outcome.reason
                            _write_failure(out / folder, outcome, command)
                    watch.look()
        finally:
            executor.close()
    done = sum(state == "done" for state in states.values()) - before
    skipped = tuple(folder for folder, state in states.items() if state == "skipped")
    return Result(len(states), before, done, failed, skipped)


def _skip(order: Sequence[Node], states: dict[str, State]) -> None:
    """Mark what rests on a failed run, at any depth."""
    again = True
    while again:
        again = False
        for node in order:
            if states[node.folder] == "open" and any(states[below] in ("failed", "skipped") for below in node.needs):
                states[node.folder] = "skipped"
                again = True


def _job(plan: Plan, node: Node, command: str, side_by_side: int) -> Job:
    estimate = plan.estimates.get(node.folder)
    statistics = node.settings.front.statistics
    named = {node.settings.split.file, node.settings.corpus.within, statistics and statistics.split.file}
    return Job(
        folder=node.folder,
        settings=node.settings.model_dump(mode="json", exclude_none=True),
        needs=node.needs,
        files=tuple(path for path in plan.graph.splits if path in named),
        threads=node.settings.threads,
        processes=node.settings.processes,
        probe=plan.probed(node),
        command=command,
        side_by_side=side_by_side,
        memory=None if estimate is None else estimate.memory,
    )


def _write_failure(folder: Path, outcome: Outcome, command: str) -> None:
    content = {"format": 1, "reason": outcome.reason, "command": command}
    atomic_write(folder / FAILURE, json.dumps(content, indent=2) + "\n")
