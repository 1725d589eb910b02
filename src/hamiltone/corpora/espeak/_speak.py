"""A process that speaks with eSpeak NG and ends.

The C library keeps global state and may end its process on an error, so it never lives in the caller's. This file
is run by path, needs the standard library alone, and knows nothing of the corpus.

Standard input: JSON with ``library`` and ``data`` (paths) and ``phrases``, a list of objects with ``voice``, ``text``,
``pitch``, ``range`` (0 to 100) and ``rate`` (words per minute). Standard output: one line of JSON with ``rate``
(Hz) and ``lengths`` (samples per phrase), then the samples of all phrases as native 16-bit integers.
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
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1
_FULL_VOLUME = 100
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


def _speak(request: dict[str, Any]) -> tuple[int, list[bytes]]:
    library = ctypes.CDLL(request["library"])
    # The library keeps its data path in a short buffer: a relative one always fits.
    os.chdir(Path(request["data"]).parent)
    rate = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, b".", _INITIALIZE_DONT_EXIT)
    if rate <= 0:
        sys.exit(f"no eSpeak NG data at {request['data']}")
    pieces: list[bytes] = []

    def keep(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _CALLBACK(keep)  # bound to a name: the library calls it until the end
    library.espeak_SetSynthCallback(callback)
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    spoken = []
    for number, phrase in enumerate(request["phrases"]):
        pieces.clear()
        library.espeak_ng_SetRandSeed(number + 1)  # else the voices' breath is seeded by the clock
        if library.espeak_SetVoiceByName(phrase["voice"].encode()):
            sys.exit(f"no voice {phrase['voice']}")
        values = {_RATE: phrase["rate"], _VOLUME: _FULL_VOLUME, _PITCH: phrase["pitch"], _RANGE: phrase["range"]}
        for parameter, value in values.items():
            library.espeak_SetParameter(parameter, value, 0)
        text = phrase["text"].encode()
        if library.espeak_Synth(text, len(text) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None):
            sys.exit(f"cannot speak {phrase['text']!r}")
        library.espeak_Synchronize()
        spoken.append(b"".join(pieces))
    return rate, spoken


def _main() -> None:
    rate, spoken = _speak(json.load(sys.stdin))
    head = json.dumps({"rate": rate, "lengths": [len(piece) // 2 for piece in spoken]})
    sys.stdout.buffer.write(head.encode() + b"\n" + b"".join(spoken))


if __name__ == "__main__":
    _main()
