"""What a person sees of long work: bars in a terminal, gone at the end, and lines that stay; all on standard error."""

import sys
from importlib.util import find_spec
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

_Own = TypeVar("_Own", bound="Bars")


def duration(seconds: float) -> str:
    """A time in seconds as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Bars:
    """Bars while the work goes on, in a terminal or in a notebook with ipywidgets; a context manager.

    Args:
        columns: what stands right of each bar.
        width: of a bar, in characters.
        quiet: show nothing, lines neither.
    """

    def __init__(self, *columns: ProgressColumn, width: int = 40, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        in_notebook = self._console.is_jupyter and find_spec("ipywidgets") is not None  # rich draws with it there
        self.shown = (self._console.is_terminal or in_notebook) and not quiet
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=width),
            *columns,
            console=self._console,
            transient=True,
            redirect_stdout=sys.stdout is not None
            and sys.stdout.isatty(),  # results that go to a file or a program are none of the bars' lines
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
