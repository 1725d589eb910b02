"""Pages of the documentation, parts of which a benchmark writes."""

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from hamiltone.errors import HamiltoneError
from hamiltone.files import atomic_write


class PageError(HamiltoneError):
    """A page that has no place for what is to be put into it."""


def put_between(page: Path, begin: str, end: str, text: str) -> None:
    """Put a text, whose last line has an end, between two lines of a page, in place of what is there.

    Raises:
        PageError: there is no such page, or it lacks one of the lines.
    """
    before, after = split_at(page, begin, end)
    atomic_write(page, f"{before}{begin}\n{text}{end}{after}")


def split_at(page: Path, begin: str, end: str) -> tuple[str, str]:
    """What stands before one line of a page and what after another: asked before long work, it saves that.

    Raises:
        PageError: there is no such page, or it lacks one of the lines.
    """
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    found = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", text, re.DOTALL)
    if not found:
        raise PageError(f"{page}: it lacks the lines {begin} and {end} between which the tables go")
    return text[: found.start()], text[found.end() :]


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """A table in Markdown: so many columns to the left, the others to the right."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * left}{'---:|' * (len(columns) - left)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def svg_text(figure: Figure) -> str:
    """A figure as SVG, without the date."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
