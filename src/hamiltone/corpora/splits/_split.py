"""The split of a corpus into parts, with where it comes from, and its file with a hash."""

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from hamiltone.files import atomic_write, content_key

from ..loaders import recordings_of
from ..utterances import AND, WITHIN, CorpusError, Utterances

PARTS = ("train", "validation", "test")
"""The parts of every split."""

SPLIT_FORMAT = "hamiltone split 1"

_SCALARS = {"corpus": str, "kind": str, "seed": int, "folds": int | None, "fold": int | None}
_SCALARS |= {"stratify": str | None, "scheme": str | None}


class HashedFile(ABC):
    """A content that is written with its hash."""

    @cached_property
    def hash(self) -> str:
        """The content key of everything that it says (SHA-256, hexadecimal)."""
        return content_key(self._content())

    def write(self, path: str | Path) -> None:
        """Write it with its hash as JSON; the file appears whole or not at all."""
        text = json.dumps({**self._content(), "hash": self.hash}, indent=1, ensure_ascii=False)
        atomic_write(Path(path), text + "\n")

    @abstractmethod
    def _content(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Split(HashedFile):
    """The parts of a corpus, by utterance identifier.

    Attributes:
        corpus: the corpus' name.
        kind: "random" (by recording) or "actor" (by speaker).
        seed: what the chance was seeded with.
        parts: "train", "validation", "test" -> identifiers, sorted.
        fractions: the fractions asked for, or None where none were: folds, lists, a column, two speakers.
        folds: the number of folds, or None.
        fold: which fold tests, or None.
        stratify: the column whose classes were kept in proportion, or None.
        scheme: how it was made, by name, where the kind alone does not tell: "two-speakers", "stratified",
            "leave-one-out", "column", or the name of lists of speakers ("balanced", "emobox", ...).

    Raises:
        CorpusError: other parts than these three, or an utterance in two places.
    """

    corpus: str
    kind: Literal["random", "actor"]
    seed: int
    parts: Mapping[str, tuple[str, ...]]
    fractions: tuple[float, float, float] | None = None
    folds: int | None = None
    fold: int | None = None
    stratify: str | None = None
    scheme: str | None = None

    def __post_init__(self) -> None:
        if set(self.parts) != set(PARTS):
            raise CorpusError(f"a split has the parts {', '.join(PARTS)}, not {', '.join(self.parts)}")
        parts = {part: tuple(sorted(self.parts[part])) for part in PARTS}
        together = pd.Index([utterance for part in PARTS for utterance in parts[part]])
        if not together.is_unique:
            raise CorpusError(f"utterance {together[together.duplicated()][0]!r} stands twice in the split")
        object.__setattr__(self, "parts", parts)

    def apply(self, utterances: Utterances) -> dict[str, Utterances]:
        """Divide the utterances: part -> its utterances, in the split's order.

        Raises:
            CorpusError: another corpus; an utterance of the split that is missing; an utterance in no part.
        """
        if utterances.corpus != self.corpus:
            raise CorpusError(f"this split divides {self.corpus}, not {utterances.corpus}: make one for it")
        index = pd.Index(utterances.table["utterance"])
        wanted = pd.Index([utterance for part in PARTS for utterance in self.parts[part]])
        for problem, strange in (
            (f"of the split are missing below {utterances.root}", wanted.difference(index)),
            ("are in no part of the split", index.difference(wanted)),
        ):
            if len(strange):
                raise CorpusError(
                    f"{self.corpus}: {len(strange)} utterances {problem} (the first: {strange[0]}): "
                    "use the corpus that the split was made of, or make a new split"
                )
        return {part: utterances.select(index.get_indexer(pd.Index(self.parts[part]))) for part in PARTS}

    def by_corpus(self, *parts: str) -> dict[str, set[str]]:
        """The utterances of some parts by corpus: of several corpora that are one, as each calls its own.

        Of words, it is the recordings that they were cut from.
        """
        found: dict[str, set[str]] = {}
        for name in (name for part in parts for name in self.parts[part]):
            corpus, own = name.split(WITHIN, 1) if AND in self.corpus else (self.corpus, name)
            found.setdefault(corpus, set()).add(own)
        return dict(recordings_of(corpus, names) for corpus, names in found.items())

    def without(self, utterances: Collection[str]) -> "Split":
        """The same split of a corpus that lacks some utterances."""
        lacking = set(utterances)
        parts = {part: tuple(name for name in self.parts[part] if name not in lacking) for part in PARTS}
        return self if parts == dict(self.parts) else replace(self, parts=parts)

    def _content(self) -> dict[str, Any]:
        return {
            "format": SPLIT_FORMAT,
            "corpus": self.corpus,
            "kind": self.kind,
            "seed": self.seed,
            "fractions": None if self.fractions is None else list(self.fractions),
            "folds": self.folds,
            "fold": self.fold,
            "stratify": self.stratify,
            **({} if self.scheme is None else {"scheme": self.scheme}),
            "parts": {part: list(self.parts[part]) for part in PARTS},
        }


def read_split(path: str | Path) -> Split:
    """Read a split that ``Split.write`` wrote.

    Raises:
        CorpusError: no such file, not a split, or a content that its hash does not belong to.
    """
    return split_from(hashed_content(path, SPLIT_FORMAT), path)


def hashed_content(path: str | Path, *formats: str) -> dict[str, Any]:
    """Read a JSON file of one of our formats whose hash is that of its content; the hash is left out.

    Raises:
        CorpusError: no such file, another format, or a content that its hash does not belong to.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CorpusError(f"cannot read the split {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path} is not a split: it is no JSON") from error
    if not isinstance(content, dict) or content.get("format") not in formats:
        raise CorpusError(f"{path} is not a split: its format is not {' or '.join(map(repr, formats))}")
    written = content.pop("hash", None)
    try:
        key = content_key(content)
    except (ValueError, RecursionError) as error:  # NaN, or half of a sign
        raise CorpusError(f"{path} is not a split: no hash belongs to its content: {error}") from error
    if key != written:
        raise CorpusError(f"the split {path} was changed after it was written (its hash differs): make it anew")
    return content


def split_from(content: dict[str, Any], path: str | Path) -> Split:
    """The split that a file's content says.

    Raises:
        CorpusError: other keys than a split has.
    """
    content = {key: value for key, value in content.items() if key != "format"}
    try:
        fractions = content.pop("fractions")
        parts = {part: texts(ids) for part, ids in content.pop("parts").items()}
        made = Split(parts=parts, fractions=None if fractions is None else tuple(fractions), **content)
    except (AttributeError, KeyError, TypeError) as error:
        raise CorpusError(f"{path} is not a split: its keys are others than {SPLIT_FORMAT!r} has") from error
    for name, kind in _SCALARS.items():
        if not isinstance(getattr(made, name), kind):
            raise CorpusError(f"{path} is not a split: {name} is {getattr(made, name)!r}")
    numbers = made.fractions or (0, 0, 0)
    if len(numbers) != len(PARTS) or not all(isinstance(number, int | float) for number in numbers):
        raise CorpusError(f"{path} is not a split: fractions are {numbers!r}")
    return made


def texts(values: Any) -> tuple[str, ...]:
    """A list of texts in a file's content.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("no list of texts")
    return tuple(values)
