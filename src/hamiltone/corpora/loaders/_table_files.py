"""The rows of table files: CSV and the like, JSON lines, Parquet."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from hamiltone.files import read_text

from ..utterances import CorpusError
from ._table_cells import shown

REQUIRED = ("path", "speaker", "emotion")
"""The columns that every table has."""

_DELIMITERS = ",;\t"

TableRows = Iterator[tuple[int, dict[str, Any]]]
"""The number of each line or row, and its cells by column."""


def check_columns(file: Path, present: dict[str, None]) -> None:
    """See that the columns of a table are there.

    Raises:
        CorpusError: none, one that is several, or one that lacks.
    """
    if not present:
        raise CorpusError(f"table: {file} is empty: it needs a header with {', '.join(REQUIRED)}, and a row each")
    if len(present) == 1 and any(mark in next(iter(present)) for mark in "|:"):
        raise CorpusError(
            f"table: {file} has a header of one cell, {shown(next(iter(present)))}: separate columns by commas, "
            "semicolons or tabs"
        )
    for name in REQUIRED:
        if name not in present:
            raise CorpusError(
                f"table: {file} lacks the column {name!r}: it has {', '.join(map(repr, present))}, "
                f"and needs {', '.join(REQUIRED)} (cells may be empty but for path)"
            )


def _check_header(file: Path, names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise CorpusError(f"table: {file} names a column twice: rename one of them")
    check_columns(file, dict.fromkeys(names))


def _delimited(usual: str) -> Callable[[Path], TableRows]:
    def read(file: Path) -> TableRows:
        try:
            text = read_text(file)
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, usual), strict=True)
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


def _delimiter(text: str, usual: str) -> str:
    """What separates the columns: that which shows the most of the required ones; in doubt, what the suffix says."""
    header = next(iter(text.splitlines()), "")

    def found(delimiter: str) -> int:
        return len(set(REQUIRED) & {name.strip(' "') for name in header.split(delimiter)})

    return max(usual + _DELIMITERS, key=found)


def _json_lines(file: Path) -> TableRows:
    number = 0
    try:
        for number, line in enumerate(io.StringIO(read_text(file)), start=1):
            if not line.strip():
                continue
            cells = json.loads(line)
            if not isinstance(cells, dict):
                raise CorpusError(f"table: {file} line {number} is no JSON object: write one object a line")
            yield number, cells
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(file, error) from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"table: {file} line {number} is no JSON: correct it") from error


def _parquet(file: Path) -> TableRows:
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


READERS: dict[str, Callable[[Path], TableRows]] = {
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".txt": _delimited("\t"),  # what Excel calls Unicode text
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
"""Suffix -> the function that reads such a file."""
