"""The table of utterances: one row per piece of speech, whatever the corpus."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from hamiltone.corpus_settings import AND
from hamiltone.errors import HamiltoneError
from hamiltone.files import content_key

NUMBERS = ("start", "end", "valence", "arousal", "dominance")
"""The columns that hold numbers; all others hold strings."""

RATINGS = ("valence", "arousal", "dominance")
LOWEST, HIGHEST = 1.0, 5.0
_NEVER_MISSING = ("utterance", "path")
TEXT = pd.StringDtype("python", na_value=np.nan)  # the same with and without pyarrow

COLUMNS = (
    "utterance",
    "path",
    "start",
    "end",
    "speaker",
    "sex",
    "emotion",
    "valence",
    "arousal",
    "dominance",
    "word",
    "text",
    "session",
    "split",
)
"""The columns of every table, in this order."""

WITHIN = "/"
"""Between the name of one of several corpora and what it calls an utterance, a speaker or a session."""


class CorpusError(HamiltoneError):
    """A folder, a file name, a table or a split is not what was asked for."""


@dataclass(frozen=True, eq=False)
class Utterances:
    """A corpus, or a part of one, as a table with one row per utterance.

    The table has exactly the columns of ``COLUMNS``: ``utterance`` (an identifier, unique, and independent of where the
    corpus lies) and ``path`` are never missing; ``start`` and ``end`` are seconds, or NaN for the file's own bounds;
    ``speaker``, ``sex`` (of the speaker: "female", "male"), ``emotion``, ``word``, ``text``, ``session`` and ``split``
    (the part that the corpus itself gives) are strings or missing; ``valence``, ``arousal`` and ``dominance`` are
    ratings from 1 to 5, or NaN. Texts are composed Unicode (NFC), but for ``path``, which is as on the disk. The
    rows are numbered from 0.

    Attributes:
        table: the table; the one given is copied, and nobody should write to the copy.
        corpus: the corpus' name.
        root: the folder that it was loaded from.
        note: what every output has to say about it ("" when nothing), such as which part of the corpus this is.
        classes: column -> its classes in the corpus' own order; other columns are ordered alphabetically.
        part: which part of the published corpus the folder holds; "" when all of it, or when no size is published.
        language: what is spoken, where that is known not to be English, as "German"; "" otherwise.

    Raises:
        CorpusError: columns that lack or exceed, values of a wrong kind or out of range, identifiers that repeat,
            a class that ``classes`` does not name.
    """

    table: pd.DataFrame
    corpus: str
    root: Path
    note: str = ""
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    part: str = ""
    language: str = ""

    def __post_init__(self) -> None:
        classes = {column: tuple(map(composed, labels)) for column, labels in self.classes.items()}
        object.__setattr__(self, "classes", classes)
        object.__setattr__(self, "table", _checked(self.table, self.corpus, self.classes))

    @classmethod
    def from_rows(
        cls,
        rows: Iterable[Mapping[str, Any]],
        *,
        corpus: str,
        root: Path,
        note: str = "",
        part: str = "",
        classes: Mapping[str, tuple[str, ...]] | None = None,
        language: str = "",
    ) -> "Utterances":
        """Make the table of rows that name only the columns they have; the rows are sorted by ``utterance``."""
        rows = sorted(rows, key=lambda row: str(row.get("utterance")))
        unknown = sorted({name for row in rows for name in row} - set(COLUMNS))
        if unknown:
            raise CorpusError(f"{corpus}: unknown column {unknown[0]!r}: the columns are {', '.join(COLUMNS)}")
        table = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in COLUMNS})
        return cls(table, corpus, root, note, classes or {}, part, language)

    def __len__(self) -> int:
        return len(self.table)

    def __str__(self) -> str:
        """Corpus, size and note in one line."""
        line = f"{self.corpus}: {len(self)} utterances, {len(self.labels('speaker'))} speakers"
        return f"{line} ({self.note})" if self.note else line

    def select(self, rows: Sequence[int] | Sequence[bool] | np.ndarray | pd.Series) -> "Utterances":
        """Give the utterances of some rows.

        Args:
            rows: row numbers, in the order wanted, or a mask with one truth value per row.

        Raises:
            CorpusError: a mask of another length, or a row number that does not exist.
        """
        chosen = np.asarray(rows)
        if chosen.dtype == bool:
            if chosen.shape != (len(self),):
                raise CorpusError(f"{self.corpus}: a mask of {chosen.size} values for {len(self)} utterances")
            chosen = np.flatnonzero(chosen)
        elif chosen.size == 0:
            chosen = chosen.astype(np.int64)
        elif chosen.dtype.kind not in "iu" or chosen.min() < -len(self) or chosen.max() >= len(self):
            raise CorpusError(f"{self.corpus}: rows must be numbers below {len(self)} or a mask, not {chosen[:3]}...")
        return replace(self, table=self.table.iloc[chosen])

    def having(self, column: str) -> "Utterances":
        """Give the utterances that have a value in a column."""
        return self.select(self._column(column).notna())

    def labels(self, column: str) -> list[str]:
        """Name the classes that occur in a column: in the corpus' own order where it has one, else sorted."""
        if column in NUMBERS:
            raise CorpusError(f"{self.corpus}: column {column!r} holds numbers, not classes")
        present = set(self._column(column).dropna())
        order = self.classes.get(column)
        return sorted(present) if order is None else [label for label in order if label in present]

    def corpora(self) -> pd.Series:
        """Name the corpus of each utterance: where several are one, the one that it is from."""
        names = self.table["utterance"]
        if AND not in self.corpus:
            return pd.Series(self.corpus, index=names.index, dtype=names.dtype)
        return names.str.replace(f"{WITHIN}.*", "", regex=True)

    def key(self) -> str:
        """The hash of all that is told of the utterances, wherever their recordings lie; not of their sound."""
        told = self.table.drop(columns="path").astype(object)
        return content_key(told.where(told.notna(), None).to_dict("list"))

    def _column(self, column: str) -> pd.Series:
        if column not in COLUMNS:
            raise CorpusError(f"{self.corpus}: no column {column!r}: the columns are {', '.join(COLUMNS)}")
        return self.table.loc[:, column]


def composed(text: str) -> str:
    """A text as composed Unicode (NFC), in which tables hold it."""
    return unicodedata.normalize("NFC", text)


def _checked(table: pd.DataFrame, corpus: str, classes: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise CorpusError(f"{corpus}: the table lacks the column {missing[0]!r}: it needs {', '.join(COLUMNS)}")
    if len(table.columns) > len(COLUMNS):
        extra = [str(name) for name in table.columns if name not in COLUMNS]
        problem = f"an unknown column {extra[0]!r}" if extra else "a column twice"
        raise CorpusError(f"{corpus}: the table has {problem}: it needs exactly {', '.join(COLUMNS)}")
    checked = pd.DataFrame(
        {
            name: (_numbers if name in NUMBERS else _paths if name == "path" else _strings)(
                table.loc[:, name], f"{corpus}: column {name!r}"
            )
            for name in COLUMNS
        }
    )
    for name in _NEVER_MISSING:
        missing_here = checked[name].isna().to_numpy()
        if missing_here.any():
            raise CorpusError(f"{corpus}: column {name!r} has no value in row {missing_here.argmax()}")
    twice = checked["utterance"].duplicated().to_numpy()
    if twice.any():
        name = checked["utterance"].iloc[int(twice.argmax())]
        first, second = list(checked["path"][checked["utterance"] == name])[:2]
        raise CorpusError(f"{corpus}: utterance {name!r} stands twice: {first} and {second}; remove one of them")
    _check_ranges(checked, corpus)
    for column, order in classes.items():
        strange = sorted(set(checked[column].dropna()) - set(order))
        if strange:
            raise CorpusError(f"{corpus}: {column} {strange[0]!r} is none of {', '.join(order)}")
    return checked


def _check_ranges(table: pd.DataFrame, corpus: str) -> None:
    start = table["start"].fillna(0.0).to_numpy()
    end = table["end"].to_numpy()
    wrong = (start < 0) | (end <= start) | np.isinf(start) | np.isinf(end)
    if wrong.any():
        row = table.iloc[int(wrong.argmax())]
        raise CorpusError(f"{corpus}: {row['utterance']}: no speech lies between {row['start']} s and {row['end']} s")
    for name in RATINGS:
        values = table[name].to_numpy()
        wrong = (values < LOWEST) | (values > HIGHEST)
        if wrong.any():
            row = table.iloc[int(wrong.argmax())]
            raise CorpusError(f"{corpus}: {row['utterance']}: {name} {row[name]} is not on the scale from 1 to 5")


def _paths(values: pd.Series, where: str) -> pd.Series:
    return _strings(values, where, path=True)


def _strings(values: pd.Series, where: str, *, path: bool = False) -> pd.Series:
    # pandas recognises the usual case fast; row by row only to find what is wrong.
    if values.dtype != TEXT and infer_dtype(values, skipna=True) not in {"string", "empty"}:
        for row, value in enumerate(values):
            if not isinstance(value, str) and not pd.isna(value):
                raise CorpusError(f"{where} must hold strings or missing values, not {value!r} (row {row})")
    try:
        text = pd.Series(values.array, dtype=TEXT)  # where pyarrow stores it, this encodes, too
        whole = "".join(text.dropna())
        # Where the locale is not Unicode, names on the disk are kept byte by byte.
        whole.encode(errors="surrogateescape" if path else "strict")
    except UnicodeEncodeError as error:
        raise CorpusError(
            f"{where} holds text that is not Unicode ({error.object[error.start - 20 : error.end]!r})"
        ) from error
    if not path and not whole.isascii():
        text = text.str.normalize("NFC")
    empty = (text == "").to_numpy()
    if empty.any():
        raise CorpusError(f"{where} has an empty string in row {empty.argmax()}: leave it missing")
    return text


def _numbers(values: pd.Series, where: str) -> pd.Series:
    if values.dtype == np.float64:
        return pd.Series(values.array, dtype=np.float64)
    if infer_dtype(values, skipna=True) not in {"floating", "integer", "mixed-integer-float", "empty"}:
        for row, value in enumerate(values):
            if isinstance(value, bool) or not (isinstance(value, Real) or pd.isna(value)):
                raise CorpusError(f"{where} must hold numbers or NaN, not {value!r} (row {row})")
    return pd.Series(values.astype(object).where(values.notna(), np.nan).to_numpy(), dtype=np.float64)
