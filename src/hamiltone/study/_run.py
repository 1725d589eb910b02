"""Carrying out a study: every run once, each after those that it rests on, whatever fails or is interrupted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hamiltone.files import locked
from hamiltone.progress import Bars
from hamiltone.records import FAILURE, PLANS, Failure

from ._display import StudyDisplay
from ._errors import StudyError
from ._executors import Executor
from ._graph import Node, build_graph
from ._job import Job, Outcome
from ._settings import Study
from ._status import State, StudyStatus, longest_chain, status_of, write_plan

_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Result:
    """What a call of :func:`run_study` found and did.

    Attributes:
        planned: how many runs the study has.
        before: how many were done before.
        done: how many were done now.
        failed: the reason for each run that failed, by folder.
        skipped: the folders of the runs that rest on one that failed.
        dropped: how many runs this study had below the folder before that its settings no longer ask for.
    """

    planned: int
    before: int
    done: int
    failed: dict[str, str]
    skipped: tuple[str, ...]
    dropped: int = 0

    @property
    def complete(self) -> bool:
        """Whether all runs are done."""
        return self.before + self.done == self.planned


def plan_study(study: Study, out: Path) -> StudyStatus:
    """See what a study consists of and what of it is done below ``out``; nothing is written.

    Raises:
        HamiltoneError: settings or corpora that cannot be used, or ``out`` is a file.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise StudyError(f"{out}: is a file; give --out a folder")
    return status_of(study, build_graph(study), out)


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
    status = plan_study(study, out)
    out = status.out
    with locked(out / PLANS / f"{study.name}.json", Bars(quiet=quiet).say):
        status = status_of(study, status.graph, out)  # another process may have done some of it in the meantime
        before = sum(state == "done" for state in status.states.values())
        dropped = write_plan(status, command)
        try:
            with StudyDisplay(study.name, out, len(status.states), before, quiet=quiet) as display:
                course = _Course(status, executor, display, command)
                course.start_what_can_be()
                while course.running:
                    course.book(executor.wait(_LOOK_SECONDS))
                    course.start_what_can_be()
                    display.look()
        finally:
            executor.close()
    done = sum(state == "done" for state in course.states.values())
    skipped = tuple(folder for folder, state in course.states.items() if state == "skipped")
    return Result(len(course.states), before, done - before, course.failed, skipped, dropped)


class _Course:
    """Where a study stands while it is carried out."""

    def __init__(self, status: StudyStatus, executor: Executor, display: StudyDisplay, command: str) -> None:
        self._status, self._executor, self._display, self._command = status, executor, display, command
        lengths = longest_chain(status.graph.nodes, status.estimates)
        # What most rests upon goes first, so that machines do not idle at the end.
        self._order = sorted(status.graph.nodes, key=lambda node: -lengths[node.folder])
        self.states: dict[str, State] = dict(status.states)
        self.running: set[str] = set()
        self.failed: dict[str, str] = {}
        for folder, state in self.states.items():
            if state in ("failed", "skipped"):  # another try
                (status.out / folder / FAILURE).unlink(missing_ok=True)
                self.states[folder] = "open"

    def start_what_can_be(self) -> None:
        """Start the runs whose runs beneath are done, as far as there is room."""
        for node in self._order:
            if not self._executor.has_room():
                return
            ready = all(self.states[below] == "done" for below in node.needs)
            if ready and self.states[node.folder] == "open" and node.folder not in self.running:
                self._executor.start(_job(self._status, node, self._command, self._executor.side_by_side))
                self.running.add(node.folder)
                self._display.started(node.folder)

    def book(self, outcomes: Mapping[str, Outcome]) -> None:
        """Note how runs have ended; what rests on one that failed is skipped."""
        for folder, outcome in outcomes.items():
            self.running.discard(folder)
            self.states[folder] = outcome.state
            self._display.ended(folder, outcome, self._seconds_left())
            if outcome.state == "failed":
                self.failed[folder] = outcome.reason
                _write_failure(self._status.out / folder, outcome, self._command)
                self._skip_what_rests_on(folder)

    def _seconds_left(self) -> float | None:
        """What is expected from the runs that are done by now; None where it is not known."""
        if self._executor.at_once is None:
            return None
        seconds = status_of(self._status.study, self._status.graph, self._status.out).expected_seconds()
        return None if seconds is None else seconds / self._executor.at_once

    def _skip_what_rests_on(self, failed: str) -> None:
        lost = {failed}
        for node in self._status.graph.nodes:  # each comes after those that it rests on
            if lost.intersection(node.needs):
                lost.add(node.folder)
                self.states[node.folder] = "skipped"


def _job(status: StudyStatus, node: Node, command: str, side_by_side: int) -> Job:
    estimate = status.estimates.get(node.folder)
    statistics = node.settings.front.statistics
    named = {node.settings.split.file, node.settings.corpus.within, statistics and statistics.split.file}
    return Job(
        folder=node.folder,
        settings=node.settings.model_dump(mode="json", exclude_none=True),
        needs=node.needs,
        files=tuple(path for path in status.graph.splits if path in named),
        threads=node.settings.threads,
        processes=node.settings.processes,
        probe=status.probed(node),
        command=command,
        side_by_side=side_by_side,
        memory=None if estimate is None else estimate.memory,
    )


def _write_failure(folder: Path, outcome: Outcome, command: str) -> None:
    Failure(reason=outcome.reason, command=command).write(folder / FAILURE)
