"""The display of a training: bars in a terminal; elsewhere a line an epoch, and one when it was silent for long."""

import time
from collections.abc import Mapping
from typing import Any

from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from hamiltone.progress import Bars

from ._pace import Pace

_SILENCE = 20.0  # seconds, after which a log file gets a line


class TrainingDisplay(Bars):
    """Shows how far a run is, on standard error; a context manager.

    Args:
        name: of the run.
        quiet: show nothing.
    """

    def __init__(self, name: str, *, quiet: bool = False) -> None:
        super().__init__(MofNCompleteColumn(), TimeRemainingColumn(), quiet=quiet)
        self._name = name
        self._task = self.progress.add_task(name, total=None)
        self._so_far = ""
        self._said = time.monotonic()
        self._pace = Pace(self.say)

    def say(self, line: str) -> None:
        """One line about the run."""
        self._said = time.monotonic()
        super().say(f"{self._name}: {line}")

    def report(self, what: str, done: int, total: int) -> None:
        """How far a preparation is."""
        self._update(what, done, total)

    def epoch(self, epoch: int, epochs: int, steps: int, step: int) -> None:
        """An epoch begins, or goes on at a step."""
        self._update(f"epoch {epoch}/{epochs}{self._so_far}", step, steps)
        self._pace.begin()

    def step(self) -> None:
        """A batch is done."""
        self.progress.advance(self._task)
        self._pace.step()
        self._break_silence()

    def _update(self, what: str, done: int, total: int) -> None:
        self.progress.update(self._task, description=f"{self._name}: {what}", completed=done, total=total)
        self._break_silence()

    def _break_silence(self) -> None:
        if self.shown or time.monotonic() - self._said < _SILENCE:
            return
        task = self.progress.tasks[self._task]
        what = task.description.removeprefix(f"{self._name}: ")
        self.say(f"{what}: {task.completed:.0f} of {task.total:.0f}")

    def epoch_done(self, epoch: Mapping[str, Any], best_epoch: int) -> None:
        """An epoch is done: its values, and whether it is the best. A terminal has the bars instead."""
        self._so_far = f", validation loss {epoch['validation']['loss']:.4f}, best epoch {best_epoch}"
        if self.shown:
            return
        train = " ".join(f"{name} {value:.4f}" for name, value in epoch["train"].items())
        validation = " ".join(f"{name} {value:.4f}" for name, value in epoch["validation"].items())
        mark = " *" if best_epoch == epoch["epoch"] else ""
        self.say(f"epoch {epoch['epoch']}: train {train} | validation {validation}{mark}")
