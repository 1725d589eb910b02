"""What verbs print: tables, and times that people read."""

import sys


def duration(seconds: float) -> str:
    """A time in seconds as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def print_table(title: str, rows: list[dict[str, str]], columns: tuple[str, ...]) -> None:
    """Print a table; without a terminal it is 120 characters wide."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(row.get(column, "") for column in columns))
    Console(width=None if sys.stdout.isatty() else 120, markup=False, highlight=False).print(table)
