"""Tables of recordings: the user's own corpus, as CSV, TSV, JSON lines or Parquet."""

import csv
import json
import math
import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from ..recordings import absence, absolute_path
from ..utterances import COLUMNS, HIGHEST, LOWEST, NUMBERS, RATINGS, CorpusError, Utterances
from ._corpus import Corpus

_REQUIRED = ("path", "speaker", "emotion")
_Rows = Iterator[tuple[int, dict[str, Any]]]


def load_table(root: Path | None, *, absent: bool = False) -> Utterances:
    """Load a corpus of your own from a table.

    Args:
        root: the table. ``.csv`` and ``.tsv`` (UTF-8, a header line), ``.jsonl`` (one object a line) or ``.parquet``
            (needs pyarrow). Columns ``path`` (counted from the table's folder), ``speaker`` and ``emotion``, and as
            many others of ``COLUMNS`` as you have: an empty cell is a missing value, and ``path`` must not be empty.
        absent: keep the rows of recordings that do not exist.

    Returns:
        One row per row. ``utterance`` is the table's own where it has that column, else the path as it is written
        (below the table's folder where it lies there), with ``#START-END`` behind it for a segment. The note names
        columns that are not used.

    Raises:
        CorpusError: no such file, another format, a file that cannot be read, a column or a path that is missing, a
            value of a wrong kind or out of range, an utterance twice, a recording that does not exist (unless
            ``absent``), or no row at all.
    """
    file = _file(root)
    counted = "row" if file.suffix.lower() == ".parquet" else "line"
    rows: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    places: dict[str, tuple[str, str]] = {}
    missing: list[str] = []
    lines: dict[Any, int] = {}
    for number, cells in _READERS[file.suffix.lower()](file):
        where = f"table: {file} {counted} {number}"
        columns.update(dict.fromkeys(cells))
        row: dict[str, Any] = {name: _value(cells[name], name, where) for name in cells if name in _KNOWN}
        written = row.get("path")
        if written is None:
            raise CorpusError(f"{where} has no path: every row names its recording")
        if written not in places:
            places[written] = _place(file.parent, written)
        row["path"], problem = places[written]
        if problem:
            missing.append(f"{where}: {row['path']} {problem}")
        row["utterance"] = row.get("utterance") or _name(written, row, file.parent)
        _check_row(row, where)
        if (first := lines.setdefault(row["utterance"], number)) != number:
            advice = "remove one of them, or give each its start and end, or its own name (column utterance)"
            raise CorpusError(f"{where}: {row['utterance']!r} stands in {counted} {first}, too: {advice}")
        rows.append(row)
    if not rows:
        raise CorpusError(f"table: {file} holds no rows: it needs a header and one row per recording")
    _check_columns(file, columns)
    if missing and not absent:
        more = f" ({len(missing)} of {len(rows)} rows name no recording)" if len(missing) > 1 else ""
        raise CorpusError(f"{missing[0]}{more}: correct path")
    unused = [name for name in columns if name not in _KNOWN]
    note = f"columns not used: {', '.join(unused)}" if unused else ""
    return Utterances.from_rows(rows, corpus="table", root=file, note=note)


_KNOWN = frozenset(COLUMNS)


def _file(root: Path | None) -> Path:
    if root is None:
        raise CorpusError("table: give the table's file (root)")
    file = absolute_path("table", root)
    if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises on names that are too long
        problem = "is a folder, not a table" if os.path.isdir(file) else "does not exist"  # noqa: PTH112
        raise CorpusError(f"table: {file} {problem}: give the table's file")
    if file.suffix.lower() not in _READERS:
        raise CorpusError(f"table: {file} is none of {', '.join(_READERS)}: save it as one of them")
    return file


def _check_columns(file: Path, present: dict[str, None]) -> None:
    if not present:
        raise CorpusError(f"table: {file} is empty: it needs a header with {', '.join(_REQUIRED)}, and a row each")
    if len(present) == 1 and any(mark in next(iter(present)) for mark in ";\t|,"):
        raise CorpusError(
            f"table: {file} is not separated as its name says (its header is one cell, {_shown(next(iter(present)))}): "
            "save it with commas as .csv, or with tabs as .tsv"
        )
    for name in _REQUIRED:
        if name not in present:
            raise CorpusError(
                f"table: {file} lacks the column {name!r}: it has {', '.join(map(repr, present))}, "
                f"and needs {', '.join(_REQUIRED)} (cells may be empty but for path)"
            )


def _check_header(file: Path, names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise CorpusError(f"table: {file} names a column twice: rename one of them")
    _check_columns(file, dict.fromkeys(names))


def _place(folder: Path, written: str) -> tuple[str, str]:
    path = os.path.join(folder, written)  # noqa: PTH118 - Path is slow for so many
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


def _value(cell: Any, column: str, where: str) -> str | float | None:
    if isinstance(cell, str):
        cell = cell.strip()
    if cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if column in NUMBERS:
        if isinstance(cell, str | int | float) and not isinstance(cell, bool):
            try:
                number = float(cell)
            except (ValueError, OverflowError):
                number = math.inf
            if math.isfinite(number):
                return number
        raise CorpusError(f"{where}: {column} {_shown(cell)} is no number: write one such as 2.5, or leave it empty")
    if isinstance(cell, str):
        if not cell.isascii():
            _check_unicode(cell, column, where)
        return cell
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float) and cell.is_integer():  # what pandas makes of whole numbers beside missing ones
        return str(int(cell))
    raise CorpusError(f"{where}: {column} {_shown(cell)} is no text: write names as text (in JSON: in quotes)")


def _check_unicode(text: str, column: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(f"{where}: {column} {_shown(text)} is not Unicode: write it anew, as UTF-8") from error


def _shown(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _delimited(delimiter: str) -> Callable[[Path], _Rows]:
    def read(file: Path) -> _Rows:
        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                reader = csv.reader(lines, delimiter=delimiter, strict=True)
                header = [name.strip() for name in next(reader, [])]
                _check_header(file, header)
                for cells in reader:
                    if not cells:
                        continue
                    if len(cells) != len(header):
                        raise CorpusError(
                            f"table: {file} line {reader.line_num} has {len(cells)} cells, the header {len(header)}: "
                            "correct it (texts with a delimiter in them stand in quotes)"
                        )
                    yield reader.line_num, dict(zip(header, cells, strict=True))
        except (OSError, csv.Error, UnicodeDecodeError) as error:
            raise _unreadable(file, error) from error

    return read


def _json_lines(file: Path) -> _Rows:
    number = 0
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                cells = json.loads(line)
                if not isinstance(cells, dict):
                    raise CorpusError(f"table: {file} line {number} is no JSON object: write one object a line")
                yield number, cells
    except UnicodeDecodeError as error:
        raise _unreadable(file, error) from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"table: {file} line {number} is no JSON: correct it") from error
    except OSError as error:
        raise _unreadable(file, error) from error


def _parquet(file: Path) -> _Rows:
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise CorpusError(f"table: {file} needs pyarrow: pip install pyarrow, or save it as .csv") from error
    # Of damaged files, pyarrow raises whatever the damage brings about.
    damage = (OSError, ValueError, LookupError, TypeError, ArithmeticError, MemoryError, pyarrow.ArrowException)
    try:
        # Not by pandas, which makes fractions of whole numbers beside missing ones, and hides an index.
        with parquet.ParquetFile(file) as table:
            header = table.schema_arrow.names
            _check_header(file, header)
            yield from enumerate((row for batch in table.iter_batches() for row in batch.to_pylist()), start=1)
    except CorpusError:
        raise
    except (*damage, NotImplementedError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> CorpusError:
    reason = " ".join(str(error).split())
    advice = "write it anew as Parquet, or as .csv" if file.suffix.lower() == ".parquet" else "save it anew, as UTF-8"
    return CorpusError(f"table: {file} cannot be read: {reason}; {advice}")


_READERS: dict[str, Callable[[Path], _Rows]] = {
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}


TABLE = Corpus(
    "table",
    load_table,
    "a file .csv, .tsv, .jsonl or .parquet with the columns path, speaker and emotion",
    naming_speakers="fill the table's column speaker",
    listed=lambda root: load_table(root, absent=True),
)
