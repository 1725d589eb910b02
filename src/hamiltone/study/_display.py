"""The display of a study: how many runs are done, and how far those are that go now."""

import time
from pathlib import Path

from rich.progress import MofNCompleteColumn, TaskID, TimeElapsedColumn

from hamiltone.progress import Bars, duration

from ._job import LOG, Outcome

_TAIL_BYTES = 4096
_LOOK_SECONDS = 0.5


class StudyDisplay(Bars):
    """Shows a study's progress on standard error: bars in a terminal, a line for each run elsewhere.

    Args:
        name: of the study.
        out: its output folder.
        planned: how many runs it has.
        done: how many of them are done already.
        quiet: show nothing.
    """

    def __init__(self, name: str, out: Path, planned: int, done: int, *, quiet: bool) -> None:
        super().__init__(MofNCompleteColumn(), TimeElapsedColumn(), width=24, quiet=quiet)
        self._name, self._out, self._planned, self._done = name, out, planned, done
        self._all = self.progress.add_task(name, total=planned, completed=done)
        self._running: dict[str, tuple[TaskID, float]] = {}
        self._looked = 0.0

    def __enter__(self) -> "StudyDisplay":
        self.say(f"{self._name}: {self._planned} runs, {self._done} of them done before")
        return super().__enter__()

    def started(self, folder: str) -> None:
        """A run begins."""
        self._running[folder] = self.progress.add_task(f"  {Path(folder).name}", total=None), time.monotonic()

    def ended(self, folder: str, outcome: Outcome, left: float | None = None) -> None:
        """A run is done or has failed; ``left`` are the seconds that the others are expected to take."""
        task, started = self._running.pop(folder)
        self.progress.remove_task(task)
        self._done += outcome.state == "done"
        self.progress.update(self._all, completed=self._done)
        told = f"done in {time.monotonic() - started:.0f} s" if outcome.state == "done" else f"FAILED: {outcome.reason}"
        then = f"; about {duration(left)} left" if left else ""
        self.say(f"{self._done}/{self._planned} {Path(folder).name}: {told}{then}")

    def look(self) -> None:
        """Show the last line of each running log."""
        if not self.shown or time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        for folder, (task, _) in self._running.items():
            line = _last_line(self._out / folder / LOG) or Path(folder).name
            self.progress.update(task, description=f"  {line}"[:110])


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
