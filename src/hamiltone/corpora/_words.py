"""Single words cut from recordings of sentences: the word task's corpora (REFERENCE section 4)."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ._alignments import Alignments
from ._crema_d import load_crema_d
from ._folders import absolute, corpus_folder
from ._iemocap import load_iemocap
from ._librispeech import load_librispeech
from ._ravdess import load_ravdess
from ._tess import load_tess
from ._utterances import CorpusError, Utterances

_SUFFIX = "-words"
_LONGEST_SECONDS = 170 * 128 / 16000  # 170 spectrogram frames
_ROUNDING_SECONDS = 1e-6


@dataclass(frozen=True)
class WordChoice:
    """Which words are recognised, and from how many segments; the defaults are those of REFERENCE section 4.

    Attributes:
        most: how many words, the most frequent ones.
        min_letters: words of fewer letters are left out before any is counted (an apostrophe is no letter).
        segments: how many segments at most.
        alignments: the folder below which the alignments lie; the corpus' own when None.

    Raises:
        ValueError: a number below 1.
    """

    most: int = 1000
    min_letters: int = 1
    segments: int = 120_000
    alignments: Path | None = None

    def __post_init__(self) -> None:
        for name in ("most", "min_letters", "segments"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


_PAPERS = WordChoice()


Load = Callable[[Path | None], Utterances]

WORD_CORPORA: dict[str, Load] = {
    f"{name}{_SUFFIX}": load
    for name, load in {
        "crema_d": load_crema_d,
        "iemocap": load_iemocap,
        "librispeech": load_librispeech,
        "ravdess": load_ravdess,
        "tess": load_tess,
    }.items()
}
"""Name of a corpus of words -> the function that loads the recordings that ``word_segments`` cuts."""


def load_words(load: Load) -> Load:
    """The function that loads recordings and cuts them into the paper's choice of words."""
    return lambda root: word_segments(load(root))


def word_segments(recordings: Utterances, words: WordChoice = _PAPERS) -> Utterances:
    """Cut recordings into single words: by default the 1,000 most frequent words, at most 120,000 segments.

    A word's frequency is its number of segments that can be used (at most 170 spectrogram frames: 1.36 s). Where there
    are more segments of those words than asked for, as many are drawn, the same ones each time; a word keeps its share.

    Args:
        recordings: a corpus of whole files. Its alignments (``Alignments``: condensed, or TextGrids; ``align_words``
            makes them) lie anywhere below its folder, or below the one that ``words`` names.
        words: which words, and how many segments of them.

    Returns:
        One row per segment ``UTTERANCE-PPP`` (the word's place in the recording, from 000): ``word`` and ``text`` are
        the word in lower case, ``start`` and ``end`` its seconds in the recording; ``speaker`` and ``session`` are the
        recording's. The corpus' name is that of the recordings with "-words". The note counts what was left out.

    Raises:
        CorpusError: no alignments, or one that cannot be read; no word in them, or none that is long enough.
    """
    name = f"{recordings.corpus}{_SUFFIX}"
    folder = recordings.root if words.alignments is None else absolute(name, words.alignments)
    corpus_folder(name, folder)
    alignments = Alignments(recordings.corpus, folder)
    if not alignments:
        raise CorpusError(
            f"{name}: no alignments below {folder}: expected SPEAKER-CHAPTER.alignment.txt or "
            "SPEAKER-CHAPTER-NNNN.TextGrid, beside the recordings or in a folder of their own; "
            f"make them by: hamiltone corpus align {recordings.corpus}={recordings.root}"
        )
    vocabulary: dict[str, int] = {}
    owner, place, word_of = array("q"), array("q"), array("q")
    starts, ends = array("d"), array("d")
    unaligned = long = 0
    for row, utterance in enumerate(recordings.table["utterance"]):
        spoken = alignments.of(utterance)
        if spoken is None:
            unaligned += 1
            continue
        for position, (word, start, end) in enumerate(spoken):
            if end - start > _LONGEST_SECONDS + _ROUNDING_SECONDS:
                long += 1
                continue
            owner.append(row)
            place.append(position)
            word_of.append(vocabulary.setdefault(word, len(vocabulary)))
            starts.append(start)
            ends.append(end)
    if not vocabulary:
        raise CorpusError(f"{name}: the alignments below {folder} hold no word of the recordings there")
    names = list(vocabulary)
    counts = np.bincount(word_of)
    enough = [word for word, name in enumerate(names) if sum(map(str.isalpha, name)) >= words.min_letters]
    if not enough:
        raise CorpusError(f"{name}: no word below {folder} has {words.min_letters} letters: ask for fewer")
    frequent = sorted(enough, key=lambda word: (-counts[word], names[word]))[: words.most]
    usable = np.flatnonzero(np.isin(word_of, frequent))
    chosen = np.sort(np.random.default_rng(0).permutation(usable)[: words.segments])
    table = recordings.table
    path, speaker, session = (table[name].to_numpy(dtype=object) for name in ("path", "speaker", "session"))
    utterances = table["utterance"].to_numpy(dtype=object)
    rows = (
        {
            "utterance": f"{utterances[owner[segment]]}-{place[segment]:03}",
            "path": path[owner[segment]],
            "start": starts[segment],
            "end": ends[segment],
            "speaker": speaker[owner[segment]],
            "session": session[owner[segment]],
            "word": names[word_of[segment]],
            "text": names[word_of[segment]],
        }
        for segment in chosen.tolist()
    )
    remarks = [
        recordings.note,
        f"{len(chosen)} of {len(usable)} segments drawn" if len(chosen) < len(usable) else "",
        f"{len(frequent)} most frequent of {len(enough)} words" if len(frequent) < len(enough) else "",
        f"{len(names) - len(enough)} words of fewer than {words.min_letters} letters left out"
        if len(enough) < len(names)
        else "",
        f"{unaligned} recordings are not aligned" if unaligned else "",
        f"{long} words longer than {_LONGEST_SECONDS} s left out" if long else "",
    ]
    note = "; ".join(filter(None, remarks))
    return Utterances.from_rows(rows, corpus=name, root=recordings.root, note=note, part=recordings.part)


def recordings_of(corpus: str, utterances: set[str]) -> tuple[str, set[str]]:
    """The corpus and utterances that words were cut from; of any other corpus itself.

    >>> recordings_of("tess-words", {"OAF_back_sad-000", "OAF_back_sad-003"})
    ('tess', {'OAF_back_sad'})
    """
    if corpus not in WORD_CORPORA:
        return corpus, utterances
    return corpus.removesuffix(_SUFFIX), {name.rpartition("-")[0] for name in utterances}
