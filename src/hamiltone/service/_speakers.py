"""Recordings of several people, as a table names them."""

from pathlib import Path

from hamiltone.files import MISSING

from ._errors import ServiceError
from ._tables import table_rows, text_lines

_PATH = "path"
_PARTS = ("start", "end")


def recordings_by_speaker(table: Path | str, column: str) -> dict[str, list[Path]]:
    """The recordings of each speaker, in the order of the table.

    Args:
        table: a heading with ``path`` and the column of speakers, and a row for each recording; separated by commas,
            semicolons or tabs. Paths are relative to its folder.
        column: the one that says who speaks.

    Raises:
        ServiceError: the table cannot be read, lacks a column, or has a row without a recording or a speaker, or one
            that is a part of a recording.
    """
    table, column = Path(table), column.strip().lower()
    found: dict[str, list[Path]] = {}
    for number, row in table_rows(table, text_lines(table, "recordings"), "recordings", (_PATH, column)):
        for name in (_PATH, column):
            if row[name] in MISSING:
                raise ServiceError(f"{table}, line {number}: has no {name}")
        if any(row.get(name, "") not in MISSING for name in _PARTS):
            raise ServiceError(
                f"{table}, line {number}: is a part of a recording (column start or end), and --speaker-column takes "
                "whole ones; of one recording, --segments takes the table"
            )
        found.setdefault(row[column], []).append(table.parent / row[_PATH])
    if not found:
        raise ServiceError(f"{table}: names no recording")
    return found
