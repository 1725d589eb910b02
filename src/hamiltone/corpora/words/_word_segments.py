"""Segments of single words, cut from recordings of sentences: the word task's corpora."""

from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hamiltone.corpus_settings import WordSettings

from ..recordings import corpus_folder
from ..utterances import CorpusError, Utterances
from ._alignment_files import Alignments

WORDS = "-words"
"""What the name of a corpus of words ends in."""

_LONGEST_SECONDS = 170 * 128 / 16000  # 170 spectrogram frames
_ROUNDING_SECONDS = 1e-6


_PAPERS = WordSettings()


def word_segments(recordings: Utterances, words: WordSettings = _PAPERS) -> Utterances:
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
    name = f"{recordings.corpus}{WORDS}"
    folder = recordings.root if words.alignments is None else _alignments_folder(name, words.alignments)
    alignments = Alignments(recordings.corpus, folder)
    if not alignments and words.alignments is not None:
        raise CorpusError(
            f"{name}: words.alignments: {folder} holds no alignments: expected SPEAKER-CHAPTER.alignment.txt or "
            "SPEAKER-CHAPTER-NNNN.TextGrid there or below; name another folder"
        )
    if not alignments:
        raise CorpusError(
            f"{name}: no alignments below {folder}: expected SPEAKER-CHAPTER.alignment.txt or "
            "SPEAKER-CHAPTER-NNNN.TextGrid, beside the recordings or in a folder of their own; "
            f"make them by: hamiltone corpus align {recordings.corpus}={recordings.root}"
        )
    spoken, unaligned, long = _spoken_words(recordings, alignments)
    if spoken.empty:
        told = f"the {len(recordings)} recordings in {recordings.root}"
        whose = f"hold no word of {told}: are they of others?" if not long else f"hold only longer words of {told}"
        raise CorpusError(f"{name}: the alignments below {folder} {whose}")
    counts = spoken["word"].value_counts().to_dict()
    enough = [word for word in counts if sum(map(str.isalpha, word)) >= words.min_letters]
    if not enough:
        raise CorpusError(f"{name}: no word below {folder} has {words.min_letters} letters: ask for fewer")
    frequent = sorted(enough, key=lambda word: (-counts[word], word))[: words.most]
    few = len(counts) - len(enough)
    usable = np.flatnonzero(spoken["word"].isin(frequent))
    chosen = spoken.iloc[np.sort(np.random.default_rng(0).permutation(usable)[: words.segments])]
    remarks = {
        f"{len(chosen)} of {len(usable)} segments drawn": len(chosen) < len(usable),
        f"{len(frequent)} most frequent of {len(enough)} words": len(frequent) < len(enough),
        f"{few} words of fewer than {words.min_letters} letters left out": few,
        f"{unaligned} recordings are not aligned": unaligned,
        f"{long} words longer than {_LONGEST_SECONDS} s left out": long,
    }
    note = "; ".join(filter(None, [recordings.note, *(remark for remark, applies in remarks.items() if applies)]))
    rows = _rows(recordings, chosen.reset_index(drop=True))
    return Utterances.from_rows(rows, corpus=name, root=recordings.root, note=note, part=recordings.part)


def _alignments_folder(name: str, alignments: str) -> Path:
    """The folder that ``words.alignments`` names; of an archive, where it was unpacked to."""
    try:
        return corpus_folder(name, Path(alignments))
    except CorpusError as error:
        where = f"{name}: words.alignments: {alignments}"
        problem = "is a file, and no folder or archive" if Path(alignments).is_file() else "does not exist"
        raise CorpusError(f"{where} {problem}: name the folder of the alignments") from error


def _spoken_words(recordings: Utterances, alignments: Alignments) -> tuple[pd.DataFrame, int, int]:
    """The words that are short enough, how many recordings are not aligned, and how many words are too long."""
    vocabulary: dict[str, int] = {}
    codes = array("q")
    columns = {"recording": array("q"), "place": array("q"), "start": array("d"), "end": array("d")}
    unaligned = long = 0
    for recording, utterance in enumerate(recordings.table["utterance"]):
        spoken = alignments.of(utterance)
        if spoken is None:
            unaligned += 1
            continue
        for place, (word, start, end) in enumerate(spoken):
            if end - start > _LONGEST_SECONDS + _ROUNDING_SECONDS:
                long += 1
                continue
            codes.append(vocabulary.setdefault(word, len(vocabulary)))
            for values, value in zip(columns.values(), (recording, place, start, end), strict=True):
                values.append(value)
    words = pd.Categorical.from_codes(np.array(codes, dtype=np.int64), list(vocabulary))
    return pd.DataFrame({"word": words} | {name: np.array(values) for name, values in columns.items()}), unaligned, long


def _rows(recordings: Utterances, segments: pd.DataFrame) -> Any:
    cut_from = recordings.table.loc[segments["recording"], ["utterance", "path", "speaker", "session"]]
    table = cut_from.reset_index(drop=True).assign(text=segments["word"], **segments[["word", "start", "end"]])
    table["utterance"] += "-" + segments["place"].map("{:03}".format)
    return table.to_dict("records")
