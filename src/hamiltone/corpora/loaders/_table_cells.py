"""The cells of a table as values: texts, numbers with points or commas, and what is missing."""

import math
import re
from collections.abc import Iterable
from typing import Any

from hamiltone.files import MISSING

from ..utterances import NUMBERS, CorpusError

_SPOKEN = frozenset({"word", "text"})  # where those are words
_COMMA = re.compile(r"[-+]?\d+,\d+")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}([,.])\d{3}(\1\d{3})*")


def decimal_commas(cells: Iterable[Any]) -> bool:
    """Whether the numbers of a table have decimal commas: at least one comma is none between thousands."""
    texts = (cell.strip() for cell in cells if isinstance(cell, str))
    return any(_COMMA.fullmatch(text) and not _THOUSANDS.fullmatch(text) for text in texts)


def value(cell: Any, column: str, where: str, *, commas: bool) -> str | float | None:
    """The value of a cell; None where it is missing.

    Args:
        cell: as the file has it.
        column: its column.
        where: it stands, for errors.
        commas: whether numbers have decimal commas.

    Raises:
        CorpusError: it is of another kind than its column.
    """
    if isinstance(cell, str):
        cell = cell.strip()
    if cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, str) and cell in MISSING and column not in _SPOKEN:
        return None
    if column in NUMBERS:
        return _number(cell, column, where, commas=commas)
    if isinstance(cell, str):
        if not cell.isascii():
            _check_unicode(cell, column, where)
        return cell
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float) and cell.is_integer():  # what pandas makes of whole numbers beside missing ones
        return str(int(cell))
    raise CorpusError(f"{where}: {column} {shown(cell)} is no text: write names as text (in JSON: in quotes)")


def _number(cell: Any, column: str, where: str, *, commas: bool) -> float:
    if isinstance(cell, str) and _THOUSANDS.fullmatch(cell) and ("." if commas else ",") in cell:
        raise CorpusError(f"{where}: {column} {shown(cell)} may be thousands or a fraction: write 2.5 or 2500")
    if isinstance(cell, str | int | float) and not isinstance(cell, bool):
        try:
            number = float(cell.replace(",", ".") if isinstance(cell, str) and commas else cell)
        except (ValueError, OverflowError):
            number = math.inf
        if math.isfinite(number):
            return number
    raise CorpusError(f"{where}: {column} {shown(cell)} is no number: write one such as 2.5, or leave it empty")


def _check_unicode(text: str, column: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(f"{where}: {column} {shown(text)} is not Unicode: write it anew, as UTF-8") from error


def shown(cell: Any) -> str:
    """A cell as an error shows it."""
    text = repr(cell)
    return text if len(text) <= 60 else f"{text[:60]}..."
