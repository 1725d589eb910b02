"""The display of a training: bars in a terminal, one line an epoch elsewhere."""

from collections.abc import Mapping
from typing import Any

from rich.progress import MofNCompleteColumn, TimeRemainingColumn

from hamiltone.progress import Bars


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

    def say(self, line: str) -> None:
        """One line about the run."""
        super().say(f"{self._name}: {line}")

    def report(self, what: str, done: int, total: int) -> None:
        """How far a preparation is."""
        self.progress.update(self._task, description=f"{self._name}: {what}", completed=done, total=total)

    def epoch(self, epoch: int, epochs: int, steps: int, step: int) -> None:
        """An epoch begins, or goes on at a step."""
        description = f"{self._name}: epoch {epoch}/{epochs}{self._so_far}"
        self.progress.update(self._task, description=description, completed=step, total=steps)

    def step(self) -> None:
        """A batch is done."""
        self.progress.advance(self._task)

    def epoch_done(self, epoch: Mapping[str, Any], best_epoch: int) -> None:
        """An epoch is done: its values, and whether it is the best. A terminal has the bars instead."""
        self._so_far = f", validation loss {epoch['validation']['loss']:.4f}, best epoch {best_epoch}"
        if self.shown:
            return
        train = " ".join(f"{name} {value:.4f}" for name, value in epoch["train"].items())
        validation = " ".join(f"{name} {value:.4f}" for name, value in epoch["validation"].items())
        mark = " *" if best_epoch == epoch["epoch"] else ""
        self.say(f"epoch {epoch['epoch']}: train {train} | validation {validation}{mark}")
