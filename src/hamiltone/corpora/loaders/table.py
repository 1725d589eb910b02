"""Tables of recordings: the user's own corpus, as CSV, TSV, JSON lines or Parquet."""

import os
from pathlib import Path
from typing import Any

from hamiltone.settings_paths import lying_path

from ..recordings import absence, absolute_path
from ..utterances import COLUMNS, HIGHEST, LOWEST, NUMBERS, RATINGS, CorpusError, Utterances, composed
from ._corpus import Corpus
from ._table_cells import decimal_commas, value
from ._table_files import READERS, check_columns

_LABELS = ("speaker", "emotion")
_ROWS_TOLD = 3


def load_table(root: Path | None, *, absent: bool = False) -> Utterances:
    """Load a corpus of your own from a table.

    Args:
        root: the table. ``.csv``, ``.tsv`` or ``.txt`` (a header line; commas, semicolons or tabs; UTF-8 or UTF-16),
            ``.jsonl`` (one object a line) or ``.parquet`` (needs pyarrow). Columns ``path`` (counted from the table's
            folder), ``speaker`` and ``emotion``, and as many others of ``COLUMNS`` as you have. A cell that is empty,
            or holds what pandas and Python write in its place ("nan", "NaN", "None", "<NA>"; but in ``word`` and
            ``text``), is a missing value, and ``path`` must not be. Numbers may have decimal commas, where one of the
            table cannot stand between thousands.
        absent: keep the rows of recordings that do not exist.

    Returns:
        One row per row. ``utterance`` is the table's own where it has that column, else the path as it is written
        (below the table's folder where it lies there), with ``#START-END`` behind it for a segment. The note names
        columns that are not used, and rows without speaker or emotion.

    Raises:
        CorpusError: no such file, another format, a file that cannot be read, a column or a path that is missing, a
            value of a wrong kind or out of range, an utterance twice, a recording that does not exist (unless
            ``absent``), or no row at all.
    """
    file = _file(root)
    counted = "row" if file.suffix.lower() == ".parquet" else "line"
    read = list(READERS[file.suffix.lower()](file))
    columns = dict.fromkeys(name for _, cells in read for name in cells)
    rows, missing = _rows(file, counted, read)
    if not rows:
        raise CorpusError(f"table: {file} holds no rows: it needs a header and one row per recording")
    check_columns(file, columns)
    if missing and not absent:
        more = f" ({len(missing)} of {len(rows)} rows name no recording)" if len(missing) > 1 else ""
        raise CorpusError(f"{missing[0]}{more}: correct path")
    unused = [name for name in columns if name not in _KNOWN]
    remarks = [f"columns not used: {', '.join(unused)}" if unused else ""]
    for name in _LABELS:
        lacking = [number for (number, _), row in zip(read, rows, strict=True) if row.get(name) is None]
        remarks.append(_lacking(name, lacking, len(rows), counted))
    return Utterances.from_rows(rows, corpus="table", root=file, note="; ".join(filter(None, remarks)))


def _rows(file: Path, counted: str, read: list[tuple[int, dict[str, Any]]]) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows that a file holds, and the recordings that are not there, a line each."""
    commas = decimal_commas(cells.get(name) for _, cells in read for name in NUMBERS)
    rows: list[dict[str, Any]] = []
    places: dict[str, tuple[str, str]] = {}
    missing: list[str] = []
    lines: dict[Any, int] = {}
    for number, cells in read:
        where = f"table: {file} {counted} {number}"
        row: dict[str, Any] = {name: value(cells[name], name, where, commas=commas) for name in cells if name in _KNOWN}
        written = row.get("path")
        if written is None:
            raise CorpusError(f"{where} has no path: every row names its recording")
        if written not in places:
            places[written] = _place(file.parent, written)
        row["path"], problem = places[written]
        if problem:
            missing.append(f"{where}: {row['path']} {problem}")
        row["utterance"] = composed(row.get("utterance") or _name(written, row, file.parent))
        _check_row(row, where)
        if (first := lines.setdefault(row["utterance"], number)) != number:
            advice = "remove one of them, or give each its start and end, or its own name (column utterance)"
            raise CorpusError(f"{where}: {row['utterance']!r} stands in {counted} {first}, too: {advice}")
        rows.append(row)
    return rows, missing


_KNOWN = frozenset(COLUMNS)


def _file(root: Path | None) -> Path:
    if root is None:
        raise CorpusError("table: give the table's file (root)")
    file = absolute_path("table", root)
    if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises on names that are too long
        problem = "is a folder, not a table" if os.path.isdir(file) else "does not exist"  # noqa: PTH112
        raise CorpusError(f"table: {file} {problem}: give the table's file")
    if file.suffix.lower() not in READERS:
        raise CorpusError(f"table: {file} is none of {', '.join(READERS)}: save it as one of them")
    return file


def _lacking(column: str, numbers: list[int], rows: int, counted: str) -> str:
    """Which rows have no value in a column; "" where all have one."""
    if not numbers:
        return ""
    more = ", ..." if len(numbers) > _ROWS_TOLD else ""
    told = ", ".join(map(str, numbers[:_ROWS_TOLD])) + more
    return f"no {column} in {len(numbers)} of {rows} rows ({counted}{'s' * (len(numbers) > 1)} {told})"


def _place(folder: Path, written: str) -> tuple[str, str]:
    path = lying_path(os.path.join(folder, written))  # noqa: PTH118 - Path is slow for so many
    return path, absence(path)


def _name(written: str, row: dict[str, Any], folder: Path) -> str:
    name = written.removeprefix(f"{folder}{os.sep}")
    start, end = ("" if row.get(bound) is None else row[bound] for bound in ("start", "end"))
    return name if start == end == "" else f"{name}#{start}-{end}"


def _check_row(row: dict[str, Any], where: str) -> None:
    start, end = row.get("start"), row.get("end")
    if start is not None and start < 0:
        raise CorpusError(f"{where}: start {start} is negative: seconds count from the recording's beginning")
    if end is not None and end <= (start or 0.0):
        raise CorpusError(f"{where}: no speech lies between {start or 0.0} s and {end} s: correct start or end")
    for name in RATINGS:
        value = row.get(name)
        if value is not None and not LOWEST <= value <= HIGHEST:
            raise CorpusError(f"{where}: {name} {value} is not on the scale from 1 to 5: convert the ratings")


TABLE = Corpus(
    "table",
    load_table,
    "a file .csv, .tsv, .txt, .jsonl or .parquet with the columns path, speaker and emotion",
    naming_speakers="fill the table's column speaker",
    listed=lambda root: load_table(root, absent=True),
)
