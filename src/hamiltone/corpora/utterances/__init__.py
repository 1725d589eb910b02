"""The table of utterances, and the affective targets that follow from it."""

from ._affect import affect_table, affect_targets
from ._progress import Report
from ._table import AND, COLUMNS, HIGHEST, LOWEST, NUMBERS, RATINGS, TEXT, WITHIN, CorpusError, Utterances, composed

__all__ = [
    "AND",
    "COLUMNS",
    "HIGHEST",
    "LOWEST",
    "NUMBERS",
    "RATINGS",
    "TEXT",
    "WITHIN",
    "CorpusError",
    "Report",
    "Utterances",
    "affect_table",
    "affect_targets",
    "composed",
]
