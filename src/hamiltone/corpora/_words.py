"""Single words cut from LibriSpeech: the word task's corpus (REFERENCE section 4)."""

from array import array
from pathlib import Path

import numpy as np

from ._alignments import Alignments
from ._folders import corpus_folder
from ._librispeech import load_librispeech
from ._utterances import CorpusError, Utterances

_NAME = "librispeech-words"
_WORDS = 1000
_SEGMENTS = 120_000
_LONGEST_SECONDS = 170 * 128 / 16000  # 170 spectrogram frames
_ROUNDING_SECONDS = 1e-6


def load_librispeech_words(root: Path | None) -> Utterances:
    """Load segments of single words from LibriSpeech: its 1,000 most frequent words, at most 120,000 segments.

    A word's frequency is its number of segments that can be used (at most 170 spectrogram frames: 1.36 s). Where there
    are more than 120,000 segments of those words, as many are drawn, the same ones each time; a word keeps its share.

    Args:
        root: as for ``librispeech``. The alignments (``Alignments``: condensed, or TextGrids) lie anywhere below it,
            beside the recordings or in a folder of their own.

    Returns:
        One row per segment ``SPEAKER-CHAPTER-NNNN-PPP`` (the word's place in the recording, from 000): ``word`` and
        ``text`` are the word in lower case, ``start`` and ``end`` its seconds in the recording; ``speaker`` and
        ``session`` as in ``librispeech``. The note counts what was left out.

    Raises:
        CorpusError: what ``librispeech`` raises; no alignments, or one that cannot be read; no word in them.
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
        words = alignments.of(utterance)
        if words is None:
            unaligned += 1
            continue
        for position, (word, start, end) in enumerate(words):
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
    frequent = sorted(range(len(names)), key=lambda word: (-counts[word], names[word]))[:_WORDS]
    usable = np.flatnonzero(np.isin(word_of, frequent))
    chosen = np.sort(np.random.default_rng(0).permutation(usable)[:_SEGMENTS])
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
        f"{len(frequent)} most frequent of {len(names)} words" if len(frequent) < len(names) else "",
        f"{unaligned} recordings are not aligned" if unaligned else "",
        f"{long} words longer than {_LONGEST_SECONDS} s left out" if long else "",
    ]
    note = "; ".join(filter(None, remarks))
    return Utterances.from_rows(rows, corpus=_NAME, root=folder, note=note, part=recordings.part)
