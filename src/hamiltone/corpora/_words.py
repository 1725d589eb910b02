"""Single words cut from LibriSpeech: the word task's corpus (REFERENCE section 4)."""

from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ._alignments import Alignments
from ._folders import corpus_folder
from ._librispeech import load_librispeech
from ._utterances import CorpusError, Utterances

_NAME = "librispeech-words"
_LONGEST_SECONDS = 170 * 128 / 16000  # 170 spectrogram frames
_ROUNDING_SECONDS = 1e-6


@dataclass(frozen=True)
class WordChoice:
    """Which words are recognised, and from how many segments; the defaults are those of REFERENCE section 4.

    Attributes:
        most: how many words, the most frequent ones.
        min_letters: words of fewer letters are left out before any is counted (an apostrophe is no letter).
        segments: how many segments at most.

    Raises:
        ValueError: a number below 1.
    """

    most: int = 1000
    min_letters: int = 1
    segments: int = 120_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")


_PAPERS = WordChoice()


def load_librispeech_words(root: Path | None, words: WordChoice = _PAPERS) -> Utterances:
    """Load segments of single words from LibriSpeech: its 1,000 most frequent words, at most 120,000 segments.

    A word's frequency is its number of segments that can be used (at most 170 spectrogram frames: 1.36 s). Where there
    are more segments of those words than asked for, as many are drawn, the same ones each time; a word keeps its share.

    Args:
        root: as for ``librispeech``. The alignments (``Alignments``: condensed, or TextGrids) lie anywhere below it,
            beside the recordings or in a folder of their own.
        words: which words, and how many segments of them.

    Returns:
        One row per segment ``SPEAKER-CHAPTER-NNNN-PPP`` (the word's place in the recording, from 000): ``word`` and
        ``text`` are the word in lower case, ``start`` and ``end`` its seconds in the recording; ``speaker`` and
        ``session`` as in ``librispeech``. The note counts what was left out.

    Raises:
        CorpusError: what ``librispeech`` raises; no alignments, or one that cannot be read; no word in them, or none
            that is long enough.
    """
    folder = corpus_folder(_NAME, root)
    recordings = load_librispeech(folder)
    alignments = Alignments(_NAME, folder)
    if not alignments:
        raise CorpusError(
            f"{_NAME}: no alignments below {folder}: expected SPEAKER-CHAPTER.alignment.txt or "
            "SPEAKER-CHAPTER-NNNN.TextGrid, beside the recordings or in a folder of their own"
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
        raise CorpusError(f"{_NAME}: the alignments below {folder} hold no word of the recordings there")
    names = list(vocabulary)
    counts = np.bincount(word_of)
    enough = [word for word, name in enumerate(names) if sum(map(str.isalpha, name)) >= words.min_letters]
    if not enough:
        raise CorpusError(f"{_NAME}: no word below {folder} has {words.min_letters} letters: ask for fewer")
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
    return Utterances.from_rows(rows, corpus=_NAME, root=folder, note="; ".join(filter(None, remarks)))
