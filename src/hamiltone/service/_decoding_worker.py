"""A process that decodes recordings of unknown origin, with little memory and no right to write.

This file is run by path. Its argument is the memory (MiB) that decoding may take beyond what the process itself needs.
Standard input: a line of JSON for each recording, with ``path`` and ``seconds`` (the longest that is accepted).
Standard output: a line of JSON, ``{"ready": true}`` at first, then for each recording either ``{"samples": N}`` and N
native float32 samples (16 kHz, mono), or ``{"code": ..., "message": ...}``.
"""

import json
import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

try:
    import resource
except ImportError:  # Windows
    resource = None

_PACKAGES = Path(__file__).resolve().parents[2]


def _decoder() -> tuple[ModuleType, ModuleType]:
    """The modules for decoding and its errors, without the rest of ``hamiltone.speech``, which needs torch."""
    sys.path[0] = str(_PACKAGES)
    bare = ModuleType("hamiltone.speech")
    bare.__path__ = [str(_PACKAGES / "hamiltone" / "speech")]
    sys.modules[bare.__name__] = bare
    return import_module("hamiltone.speech._audio"), import_module("hamiltone.speech._errors")


def _restrict(megabytes: int) -> None:
    """Bound the memory, forbid files and core dumps, where the system knows such limits."""
    if resource is None:
        return
    statistics = Path("/proc/self/statm")
    taken = int(statistics.read_text().split()[0]) * resource.getpagesize() if statistics.exists() else 0
    wanted = {
        resource.RLIMIT_AS: taken + (megabytes << 20),
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in wanted.items():
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(OSError, ValueError):  # macOS has the name of the limit of memory, but no such limit
            resource.setrlimit(kind, (allowed, allowed))


def _answers(request: dict[str, Any], audio: ModuleType, errors: ModuleType) -> tuple[dict[str, Any], bytes]:
    path = request["path"]
    try:
        waveform = audio.load_audio(path, maximum_seconds=request["seconds"])
    except errors.AudioError as error:
        kinds = {errors.AudioFormatError: "format", errors.AudioLengthError: "length"}
        return {"code": kinds.get(type(error), "damaged"), "message": str(error).removeprefix(f"{path}: ")}, b""
    except MemoryError:
        return {"code": "memory", "message": "takes too much memory to decode"}, b""
    return {"samples": len(waveform)}, waveform.tobytes()


def _work(megabytes: int, out: BinaryIO) -> None:
    audio, errors = _decoder()
    _restrict(megabytes)

    def write(head: dict[str, Any], body: bytes = b"") -> None:
        out.write(json.dumps(head).encode() + b"\n" + body)
        out.flush()

    write({"ready": True})
    for line in sys.stdin.buffer:
        write(*_answers(json.loads(line), audio, errors))


if __name__ == "__main__":
    # Its own descriptor, so that nothing that a library prints gets between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _work(int(sys.argv[1]), answers)
