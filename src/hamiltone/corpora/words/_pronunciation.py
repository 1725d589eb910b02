"""Pronunciation of words outside a dictionary: eSpeak NG's phonemes in the dictionary's set (ARPAbet)."""

import json
import re
from collections.abc import Iterable, Sequence
from importlib import import_module

from ..espeak import SPELL, ask_espeak

_VOICE = "en-us"
_MARKS = re.compile(r"[ˈˌː]|\([a-z-]+\)")  # stress, length, and the language of words from elsewhere

# eSpeak NG's American English in IPA, without stress and length: the 39 phones of the CMU dictionary. That writes the
# flap and the glottal stop of "water" and "button" as T.
_TABLE = """
p P; b B; t T; d D; k K; ɡ G; g G; tʃ CH; dʒ JH; f F; v V; θ TH; ð DH; s S; z Z; ʃ SH; ʒ ZH; h HH; m M; n N; ŋ NG;
l L; ɹ R; r R; w W; j Y; ɾ T; ʔ T; x K; n̩ AH N; l̩ AH L; əl AH L;
i IY; ɪ IH; ᵻ IH; ɛ EH; e EH; eɪ EY; æ AE; a AE; ɑ AA; ɒ AA; ɔ AO; oʊ OW; o OW; ʊ UH; u UW; ʌ AH; ə AH; ɐ AH; ɜ ER;
ɚ ER; aɪ AY; aʊ AW; ɔɪ OY; ɑɹ AA R; ɔɹ AO R; oɹ AO R; ɛɹ EH R; ɪɹ IH R; ʊɹ UH R; aɪɚ AY ER; aɪə AY AH; iə IY AH
"""  # noqa: RUF001
_PHONES = {phoneme: phones for phoneme, *phones in (entry.split() for entry in _TABLE.split(";"))}


def pronunciations(words: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Pronounce words, as far as possible.

    Args:
        words: in lower case.

    Returns:
        Word -> its phones ("G OW"), and for the other words word -> why there are none.

    Raises:
        CorpusError: eSpeak NG fails.
    """
    if not words:
        return {}, {}
    try:
        espeakng_loader = import_module("espeakng_loader")
    except ImportError:
        return {}, dict.fromkeys(words, "is not in the dictionary (pip install 'hamiltone[synthetic]' for the rest)")
    request = {
        "library": espeakng_loader.get_library_path(),
        "data": espeakng_loader.get_data_path(),
        "voice": _VOICE,
        "words": list(words),
    }
    spoken, silent = {}, {}
    for word, phonemes in zip(words, json.loads(ask_espeak(SPELL, request, "align")), strict=True):
        phones, strange = to_phones(phonemes)
        if strange:
            silent[word] = f"has no pronunciation: eSpeak NG's {strange[0]!r} is no sound of the dictionary"
        elif not phones:
            silent[word] = "has no pronunciation: eSpeak NG gives none"
        else:
            spoken[word] = " ".join(phones)
    return spoken, silent


def to_phones(phonemes: Iterable[str]) -> tuple[list[str], list[str]]:
    """Give phonemes of eSpeak NG as phones of the CMU dictionary, and those phonemes that have no counterpart."""
    phones, strange = [], []
    for phoneme in phonemes:
        bare = _MARKS.sub("", phoneme)
        if bare in _PHONES:
            phones += _PHONES[bare]
        elif bare:
            strange.append(phoneme)
    return phones, strange
