"""Decoding in a process of its own: a decoder that dies, hangs or takes much memory is an error of that file only."""

import atexit
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from ._errors import AudioError, AudioFormatError, AudioLengthError

WORKER = Path(__file__).with_name("_decoding_worker.py")
"""The program of the process; its own text says how to talk to it."""

_MEGABYTES = 1024
_SECONDS = 60.0
"""What a recording's decoding may take."""

_HIDDEN = ("HAMILTONE_TOKEN",)
_KINDS: dict[str, type[AudioError]] = {"format": AudioFormatError, "length": AudioLengthError}


def worker_environment() -> dict[str, str]:
    """The environment of a decoding process: without what a hostile file's code must not learn.

    One thread: each would take address space, which is limited.
    """
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {name: value for name, value in os.environ.items() if name not in _HIDDEN} | one_thread


class _Worker:
    """The decoding process of this process, started when it is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def decode(self, path: Path, request: dict[str, Any]) -> Float32[np.ndarray, "sample"]:
        """As ``load_audio``, whose arguments are the request."""
        with self._lock:
            try:
                process = self._started()
                timer = threading.Timer(_SECONDS, process.kill)
                timer.start()
                try:
                    head, body = _answer(process, request)
                finally:
                    timer.cancel()
            except (OSError, ValueError, TypeError, EOFError):
                self.end()
                raise AudioError(f"{path}: could not be decoded: the decoder gave up on it") from None
        if "code" in head:
            raise _KINDS.get(str(head["code"]), AudioError)(f"{path}: {head.get('message')}")
        return np.frombuffer(body, np.float32).copy()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and (self._owner != os.getpid() or self._process.poll() is not None):
            self.end()
        if self._process is None:
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                [sys.executable, str(WORKER), str(_MEGABYTES)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=worker_environment(),
            )
            assert self._process.stdout is not None
            self._process.stdout.readline()  # that it is ready
        return self._process

    def end(self) -> None:
        """End the process; the next recording gets another one."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        if self._owner == os.getpid():  # else it is that of the process that this one was forked from
            process.kill()
            process.wait()
        with suppress(OSError):  # what it did not read any more
            process.stdin.close()
        process.stdout.close()


def _answer(process: "subprocess.Popen[bytes]", request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Raises ValueError, TypeError or EOFError where a process that a hostile file took over says something else."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    head = json.loads(process.stdout.readline(1 << 16))
    if not isinstance(head, dict) or not isinstance(head.get("samples", 0), int):
        raise TypeError("no answer of the decoder's")
    body = process.stdout.read(4 * head.get("samples", 0))
    if len(body) < 4 * head.get("samples", 0):
        raise EOFError
    return head, body


_worker = _Worker()
atexit.register(_worker.end)


def decode_apart(
    path: Path, seconds: float | None, start: float | None, end: float | None
) -> Float32[np.ndarray, "sample"]:
    """``load_audio`` in a process of its own, which goes on to the next recording.

    Raises:
        AudioError: as ``load_audio``; or the decoder died, or took longer than a minute or more memory than 1 GiB.
    """
    request = {"path": str(path.absolute()), "seconds": seconds, "start": start, "end": end}
    return _worker.decode(path, request)
