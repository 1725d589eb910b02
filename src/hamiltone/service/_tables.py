"""Small tables that users give beside recordings: read as spreadsheets save them."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from hamiltone.files import read_text

from ._errors import ServiceError

_DELIMITERS = ",;\t"


def text_lines(file: Path, what: str) -> list[str]:
    """The lines of a text in UTF-8 or UTF-16.

    Args:
        file: the text.
        what: what it is to hold, for errors.

    Raises:
        ServiceError: it cannot be read, or is no text.
    """
    try:
        return read_text(file).splitlines()
    except UnicodeDecodeError:
        raise ServiceError(f"{file}: is no text in UTF-8 or UTF-16; give the {what} as a text, saved so") from None
    except OSError as error:
        raise ServiceError(f"{file}: the {what} cannot be read: {error.strerror}") from None


def table_rows(
    file: Path, lines: Sequence[str], what: str, columns: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Number and cells of each row by the names of the columns, in small letters; an absent cell is empty.

    Args:
        file: for errors.
        lines: a heading and rows, separated by commas, semicolons or tabs.
        what: what the table holds, for errors.
        columns: those that must be there.

    Raises:
        ServiceError: no such columns, or rows that cannot be taken apart.
    """
    rows = csv.DictReader(lines, delimiter=delimiter(lines))
    try:
        names = [name.strip().lower() for name in rows.fieldnames or ()]
        if missing := [name for name in columns if name not in names]:
            there = ", ".join(filter(None, names)) or "nothing"
            raise ServiceError(f"{file}: the {what} have no column {' and '.join(missing)}, but {there}")
        rows.fieldnames = names
        for row in rows:
            yield rows.line_num, {name: (row[name] or "").strip() for name in names}
    except csv.Error as error:
        raise ServiceError(f"{file}: the {what} cannot be read: {error}") from None


def delimiter(lines: Sequence[str]) -> str:
    """What separates the cells of the first line that is not empty."""
    return max(_DELIMITERS, key=next(filter(None, lines), "").count)
