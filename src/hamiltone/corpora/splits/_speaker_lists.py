"""Lists of speakers: they split a corpus, or what is there of it, without naming its recordings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ..utterances import CorpusError, Utterances, composed
from ._assignment import (
    TEST,
    TRAIN,
    VALIDATION,
    SplitRows,
    SplitRule,
    check_rule,
    part_of_fold,
    refuse_shared_audio,
    sorted_rows,
    speakers_of,
    split_of_rows,
)
from ._split import PARTS, SPLIT_FORMAT, HashedFile, Split, hashed_content, split_from, texts

_FORMAT = "hamiltone speakers 1"
_READY = files("hamiltone.corpora.splits") / "ready"


@dataclass(frozen=True)
class SpeakerLists(HashedFile):
    """Who trains, validates and tests, in one split or in folds.

    Attributes:
        corpus: the corpus' name.
        name: what the split is called.
        about: by which rule the lists were made, or where they were published.
        folds: the speakers of each fold: one tests, the next one (after the last comes the first) validates.
        parts: "train", "validation", "test" -> speakers, instead of folds.
        validation_words: with two folds, since then nobody is left to validate: of the speakers of the fold that is
            tested, the recordings of these words validate.

    Raises:
        CorpusError: neither folds nor parts, or both; fewer than three folds, but for two with words; other parts; a
            speaker twice.
    """

    corpus: str
    name: str
    about: str
    folds: tuple[tuple[str, ...], ...] = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    validation_words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.folds) == bool(self.parts):
            raise CorpusError(f"lists of speakers {self.name}: have either folds or parts")
        if self.validation_words and len(self.folds) != 2:
            raise CorpusError(f"lists of speakers {self.name}: words validate where there are two folds only")
        few = 0 < len(self.folds) < (2 if self.validation_words else 3)
        if few or (self.parts and set(self.parts) != set(PARTS)):
            raise CorpusError(f"lists of speakers {self.name}: need three folds or more, or {', '.join(PARTS)}")
        speakers = [speaker for listed in self.folds or self.parts.values() for speaker in listed]
        if twice := [speaker for speaker in speakers if speakers.count(speaker) > 1]:
            raise CorpusError(f"lists of speakers {self.name}: {twice[0]} stands twice")

    def split(self, utterances: Utterances, *, fold: int = 0) -> Split:
        """Part utterances by their speakers; speakers of the lists that are not there are passed over.

        Raises:
            CorpusError: another corpus; an utterance whose speaker is in no list; a part without utterances; a fold
                that is not there; recordings of different speakers that hold identical audio; unreadable audio.
        """
        if utterances.corpus != self.corpus:
            raise CorpusError(f"the split {self.name} is for {self.corpus}, not {utterances.corpus}: choose another")
        folds = len(self.folds) or None
        rule = SplitRule("actor", None, folds, fold, 0, None, self.name)
        check_rule(utterances, rule, least_folds=2)
        names = speakers_of(utterances)
        lists = self.folds or tuple(self.parts[part] for part in PARTS)
        number_of = {composed(speaker): number for number, listed in enumerate(lists) for speaker in listed}
        if unknown := [name for name in names if name not in number_of]:
            raise CorpusError(f"{self.corpus}: speaker {unknown[0]} is in no list of the split {self.name}")
        rows = sorted_rows(utterances, "word" if self.validation_words else None)
        refuse_shared_audio(utterances, rows)
        numbers = np.array([number_of[name] for name in rows.speaker])
        if self.validation_words:
            part = np.where(numbers == fold, self._half(rows), TRAIN)
        else:
            part = part_of_fold(numbers, fold, folds) if folds else numbers
        return split_of_rows(utterances, rule, rows, part)

    def _half(self, rows: SplitRows) -> np.ndarray:
        """Validation or test, by each recording's word; of identical recordings by the first one's."""
        _, first, group = np.unique(rows.group, return_index=True, return_inverse=True)
        return np.where(np.isin(rows.label[first], self.validation_words), VALIDATION, TEST)[group]

    def _content(self) -> dict[str, Any]:
        lists: dict[str, Any] = {"folds": [list(listed) for listed in self.folds]} if self.folds else {}
        if self.parts:
            lists = {"parts": {part: list(self.parts[part]) for part in PARTS}}
        if self.validation_words:
            lists["validation_words"] = list(self.validation_words)
        return {"format": _FORMAT, "corpus": self.corpus, "name": self.name, "about": self.about, **lists}


def ready_splits() -> dict[str, tuple[str, ...]]:
    """Corpus -> the names of the lists of speakers that come with the package."""
    found: dict[str, list[str]] = {}
    for file in sorted(file.name for file in _READY.iterdir() if file.name.endswith(".json")):
        corpus, _, name = file.removesuffix(".json").partition("-")
        found.setdefault(corpus, []).append(name)
    return {corpus: tuple(names) for corpus, names in found.items()}


def ready_lists(corpus: str, name: str) -> SpeakerLists:
    """Lists of speakers that come with the package.

    Raises:
        CorpusError: there are none of that name for this corpus.
    """
    known = ready_splits()
    if name not in known.get(corpus, ()):
        having = [other for other, names in known.items() if name in names]
        raise CorpusError(f"{corpus}: has no split {name}: there is one for {', '.join(having) or 'no corpus'}")
    path = Path(str(_READY / f"{corpus}-{name}.json"))
    return _lists_from(hashed_content(path, _FORMAT), path)


def load_split(path: str | Path, utterances: Utterances, *, fold: int = 0) -> Split:
    """Read a split that was written before, or lists of speakers that part these utterances.

    Raises:
        CorpusError: as ``read_split`` and ``SpeakerLists.split``.
    """
    content = hashed_content(path, SPLIT_FORMAT, _FORMAT)
    if content["format"] == SPLIT_FORMAT:
        return split_from(content, path)
    return _lists_from(content, path).split(utterances, fold=fold)


def _lists_from(content: dict[str, Any], path: str | Path) -> SpeakerLists:
    try:
        corpus, name, about = texts([content["corpus"], content["name"], content["about"]])
        return SpeakerLists(
            corpus,
            name,
            about,
            tuple(map(texts, content.get("folds", ()))),
            {part: texts(speakers) for part, speakers in content.get("parts", {}).items()},
            texts(content.get("validation_words", [])),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise CorpusError(f"{path} is not a split: its keys are others than {_FORMAT!r} has") from error
