"""The decoding process: recordings of unknown origin, with little memory and no right to write.

This file is run by path. Its argument is the memory (MiB) that decoding may take beyond what the process itself needs.
Standard input: a line of JSON for each recording, with ``path`` and ``seconds`` (the longest that is accepted), and
perhaps ``start`` and ``end``.
Standard output: a line of JSON, ``{"ready": true}`` at first, then for each recording either ``{"samples": N}`` and N
native float32 samples (16 kHz, mono), or ``{"code": ..., "message": ...}``.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

try:
    import resource
except ImportError:  # Windows
    resource = None

# Where the package lies, in the place of this file's folder, which has modules of the same names as Python's own.
sys.path[0] = str(Path(__file__).resolve().parents[2])
from hamiltone.audio import AudioError, AudioFormatError, AudioLengthError, load_audio  # noqa: E402

with suppress(ImportError):  # what it takes is the process' own, not a recording's
    import av  # noqa: F401


def _restrict(megabytes: int) -> None:
    """Bound the memory, forbid files and core dumps, where the system knows such limits."""
    if resource is None:
        return
    statistics = Path("/proc/self/statm")
    taken = (
        int(statistics.read_text(encoding="utf-8").split()[0]) * resource.getpagesize() if statistics.exists() else 0
    )
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


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    path = request["path"]
    try:
        waveform = load_audio(
            path, maximum_seconds=request["seconds"], start=request.get("start"), end=request.get("end")
        )
    except AudioError as error:
        kinds = {AudioFormatError: "format", AudioLengthError: "length"}
        return {"code": kinds.get(type(error), "damaged"), "message": str(error).removeprefix(f"{path}: ")}, b""
    except MemoryError:
        return {"code": "memory", "message": "takes too much memory to decode"}, b""
    return {"samples": len(waveform)}, waveform.tobytes()


def _work(megabytes: int, out: BinaryIO) -> None:
    _restrict(megabytes)

    def write(head: dict[str, Any], body: bytes = b"") -> None:
        out.write(json.dumps(head).encode() + b"\n" + body)
        out.flush()

    write({"ready": True})
    for line in sys.stdin.buffer:
        write(*_answer(json.loads(line)))


if __name__ == "__main__":
    # Its own descriptor, so that nothing that a library prints gets between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _work(int(sys.argv[1]), answers)
