"""What a person sees of a training: bars in a terminal, one line an epoch elsewhere."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Watch:
    """Shows how far a run is, on standard error; a context manager.

    Args:
        name: of the run.
        quiet: show nothing.
    """

    def __init__(self, name: str, *, quiet: bool = False) -> None:
        self._name = name
        self._console = Console(stderr=True, quiet=quiet)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bars.add_task(name, total=None)
        self._so_far = ""

    def __enter__(self) -> "Watch":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """One line about the run."""
        self._console.print(f"{self._name}: {text}", markup=False, highlight=False, soft_wrap=True)

    def report(self, what: str, done: int, total: int) -> None:
        """How far a preparation is."""
        self._bars.update(self._task, description=f"{self._name}: {what}", completed=done, total=total)

    def epoch(self, epoch: int, epochs: int, steps: int, step: int) -> None:
        """An epoch begins, or goes on at a step."""
        description = f"{self._name}: epoch {epoch}/{epochs}{self._so_far}"
        self._bars.update(self._task, description=description, completed=step, total=steps)

    def step(self) -> None:
        """A batch is done."""
        self._bars.advance(self._task)

    def epoch_done(self, epoch: Mapping[str, Any], best_epoch: int) -> None:
        """An epoch is done: its values, and whether it is the best. A terminal has the bars instead."""
        self._so_far = f", validation loss {epoch['validation']['loss']:.4f}, best epoch {best_epoch}"
        if self._console.is_terminal:
            return
        train = " ".join(f"{name} {value:.4f}" for name, value in epoch["train"].items())
        validation = " ".join(f"{name} {value:.4f}" for name, value in epoch["validation"].items())
        mark = " *" if best_epoch == epoch["epoch"] else ""
        self.say(f"epoch {epoch['epoch']}: train {train} | validation {validation}{mark}")
