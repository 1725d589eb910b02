"""What verbs print: tables, licences, and what an interruption is told."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

GOES_ON = "the same command goes on where it was"
"""What to do after an interruption of most long work."""


def print_table(title: str, rows: list[dict[str, str]], columns: tuple[str, ...]) -> None:
    """Print a table; without a terminal it is 120 characters wide."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")  # a name that is cut short names nothing
    for row in rows:
        table.add_row(*(row.get(column, "") for column in columns))
    Console(width=None if sys.stdout.isatty() else 120, markup=False, highlight=False).print(table)


def tell_licence(model: Path, *, quiet: bool = False) -> None:
    """Say what a model's licence says first, on standard error."""
    from hamiltone.service import licence_notice

    if not quiet and (notice := licence_notice(model)):
        print(f"note: {notice}", file=sys.stderr)


class Interruption(Exception):
    """Somebody ended the command: one line, and exit code 130."""


@contextmanager
def interruptible(advice: str = "") -> Iterator[None]:
    """Make an interruption one line that tells what to do then.

    Raises:
        Interruption: in the place of KeyboardInterrupt.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interruption("interrupted" + (f"; {advice}" if advice else "")) from None


@contextmanager
def progress(
    name: str, *, quiet: bool, in_bytes: bool = False, advice: str = ""
) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error, where that is a terminal, and what moves it; interruptible."""
    from rich.progress import DownloadColumn, MofNCompleteColumn, TimeRemainingColumn, TransferSpeedColumn

    from hamiltone.progress import Bars

    counted = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(),)
    with interruptible(advice), Bars(*counted, TimeRemainingColumn(), quiet=quiet) as bars:
        task = bars.progress.add_task(name, total=None)
        yield lambda what, done, total: bars.progress.update(
            task, description=f"{name}: {what}", completed=done, total=total or None
        )
