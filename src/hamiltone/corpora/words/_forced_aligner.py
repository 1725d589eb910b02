"""Forced alignment of one recording, by pocketsphinx's English acoustic model."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Float32

from hamiltone.audio import SAMPLE_RATE

from ..utterances import CorpusError

_FRAMES = 100  # of the acoustic model, per second
_REMARK = re.compile(r"\[[^\]]*\]|<[^>]*>")
_WORD = re.compile(r"'?[^\W_]+(?:'[^\W_]+)*'?")


class NotAligned(Exception):
    """An utterance's words could not be placed in its recording; the message says why."""


def spoken_words(text: str) -> list[str]:
    """The words of a transcript, in lower case, without punctuation; remarks in brackets are no words.

    >>> spoken_words("Well-known, 'tis DON'T [LAUGHTER] boys'")
    ['well', 'known', "'tis", "don't", "boys'"]
    """
    plain = unicodedata.normalize("NFC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").lower()
    return _WORD.findall(_REMARK.sub(" ", plain))


def known_form(word: str, known: Callable[[str], bool]) -> str:
    """The word, or where a dictionary does not know it so, the word without apostrophes at its ends."""
    return word if known(word) else word.strip("'")


class Aligner:
    """Aligns one recording after another; what one gives does not depend on those before.

    Args:
        pronunciations: words outside the dictionary -> their phones.

    Raises:
        CorpusError: pocketsphinx is not installed.
    """

    def __init__(self, pronunciations: Mapping[str, str] | None = None) -> None:
        # The lattice search (bestpath) drops last words, and a running mean of the cepstra (cmn live) would carry over.
        settings: dict[str, Any] = {"lm": None, "bestpath": False, "cmn": "batch", "loglevel": "FATAL"}
        try:
            self._decoder = import_module("pocketsphinx").Decoder(**settings)
        except ImportError as error:
            raise CorpusError("align needs pocketsphinx: pip install 'hamiltone[align]'") from error
        for word, phones in (pronunciations or {}).items():
            self._decoder.add_word(word, phones, update=False)

    def knows(self, word: str) -> bool:
        """Whether a word has a pronunciation."""
        return self._decoder.lookup_word(word) is not None

    def align(self, samples: Float32[np.ndarray, " sample"], words: list[str]) -> list[tuple[str, float]]:
        """Place words in a recording.

        Args:
            samples: 16 kHz, -1..1.
            words: what is said, in order; each must be known.

        Returns:
            Words and silences ("") in order with their ends in seconds; the last end is the recording's.

        Raises:
            NotAligned: the recording is too short, or nothing in it fits the words.
        """
        seconds = len(samples) / SAMPLE_RATE
        ends = [
            (_bare(segment.word), min((segment.end_frame + 1) / _FRAMES, seconds))
            for segment in self._segments(samples, words)
        ]
        if [word for word, _ in ends if word] != words:
            raise NotAligned("the recording does not fit the words")
        ends.append(("", seconds))
        return [(word, end) for place, (word, end) in enumerate(ends) if word or not _followed_by_silence(ends, place)]

    def _segments(self, samples: Float32[np.ndarray, " sample"], words: list[str]) -> list[Any]:
        content = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        decoder = self._decoder
        decoder.reinit_feat()  # the front's state would carry over
        try:
            decoder.set_align_text(" ".join(words))
            decoder.start_utt()
            decoder.process_raw(content, full_utt=True)
            decoder.end_utt()
        except RuntimeError as error:
            raise NotAligned(f"the recording cannot be aligned ({error})") from error
        return list(decoder.seg() or ())


def _bare(name: str) -> str:
    """The word of a segment: pronunciations are numbered, and sounds that are no words stand in brackets."""
    return "" if name.startswith(("<", "[", "+")) else re.sub(r"\(\d+\)$", "", name)


def _followed_by_silence(ends: list[tuple[str, float]], place: int) -> bool:
    """Whether a silence goes on in the next segment, or lasts no time."""
    before = ends[place - 1][1] if place else 0.0
    return ends[place][1] <= before or (place + 1 < len(ends) and not ends[place + 1][0])
