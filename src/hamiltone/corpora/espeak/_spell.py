"""A process that asks eSpeak NG how words are pronounced, and ends.

The C library keeps global state and may end its process on an error, so it never lives in the caller's. This file
is run by path, needs the standard library alone, and knows nothing of the corpus.

Standard input: JSON with ``library`` and ``data`` (paths), ``voice`` and ``words``. Standard output: JSON, one list of
phonemes (International Phonetic Alphabet, with stress marks) for each word.
"""

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

# Constants of eSpeak NG's speak_lib.h.
_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_PHONEMES_IPA = 0x02
_SEPARATOR = "_"


def _phonemes(request: dict[str, Any]) -> list[list[str]]:
    library = ctypes.CDLL(request["library"])
    # The library keeps its data path in a short buffer: a relative one always fits.
    os.chdir(Path(request["data"]).parent)
    if library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, b".", _INITIALIZE_DONT_EXIT) <= 0:
        sys.exit(f"no eSpeak NG data at {request['data']}")
    if library.espeak_SetVoiceByName(request["voice"].encode()):
        sys.exit(f"no voice {request['voice']}")
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    mode = (ord(_SEPARATOR) << 8) | _PHONEMES_IPA
    spelt = []
    for word in request["words"]:
        rest, clauses = ctypes.c_char_p(word.encode()), []
        while rest.value:
            clauses.append(library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, mode).decode())
        spelt.append(" ".join(clauses).replace(_SEPARATOR, " ").split())
    return spelt


if __name__ == "__main__":
    json.dump(_phonemes(json.load(sys.stdin)), sys.stdout)
