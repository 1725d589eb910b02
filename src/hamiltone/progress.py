"""What a person sees of long work: bars in a terminal, gone at the end, and lines that stay; all on standard error."""

from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

_Own = TypeVar("_Own", bound="Bars")


class Bars:
    """Bars while the work goes on, where standard error is a terminal; a context manager.

    Args:
        columns: what stands right of each bar.
        width: of a bar, in characters.
        quiet: show nothing, lines neither.
    """

    def __init__(self, *columns: ProgressColumn, width: int = 40, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self.shown = self._console.is_terminal and not quiet
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=width),
            *columns,
            console=self._console,
            transient=True,
            disable=not self.shown,
        )

    def __enter__(self: _Own) -> _Own:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def say(self, line: str) -> None:
        """One line that stays, above the bars."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
