"""Faults of the system: an operation on files that fails, or in the midst of which the process is killed."""

import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hamiltone.training import _checkpoint

from ._children import wait

OPERATIONS = ("mkdir", "open", "fsync", "replace", "rename", "unlink", "rmdir")
CALLS = (
    "write,pwrite64,writev,fsync,fdatasync,ftruncate,fallocate,openat,rename,renameat,renameat2,unlink,unlinkat,mkdir"
)
Met = Callable[[int, str, Path], None]


class Faults:
    """Sees every operation on files below a folder that is asked for by way of ``os``, and writing of checkpoints.

    Args:
        below: operations elsewhere are left alone.
        meet: called before each with its number, name and path. The write of a checkpoint is met twice: before it, and
            when half of it is written.
        patch: undoes it all.
    """

    def __init__(self, below: Path, meet: Met, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._below, self._meet = below, meet
        self._opened: dict[int, Path] = {}
        for name in OPERATIONS:
            patch.setattr(os, name, self._wrapped(name, getattr(os, name)))
        patch.setattr(_checkpoint, "save_file", self._writing(_checkpoint.save_file))

    def _met(self, name: str, path: Path) -> None:
        if path.is_relative_to(self._below):
            self.count += 1
            self._meet(self.count, name, path)

    def _wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(what: Any, *more: Any, **named: Any) -> Any:
            path = self._opened.get(what, Path("/")) if isinstance(what, int) else Path(os.fsdecode(what))
            self._met(name, path if path.is_absolute() else Path("/"))
            given = function(what, *more, **named)
            if name == "open":
                self._opened[given] = path
            return given

        return call

    def _writing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(tensors: Any, path: Path, **named: Any) -> None:
            self._met("write", path)
            function(tensors, path, **named)
            os.truncate(path, path.stat().st_size // 2)
            self._met("write half of", path)
            function(tensors, path, **named)

        return call


def dying(number: int) -> Met:
    """Killed by SIGKILL at an operation."""

    def meet(at: int, _name: str, _path: Path) -> None:
        if at == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return meet


def failing(number: int, code: int, *, always: bool = False) -> Met:
    """An operation fails as the system would have it, or all from it on do."""

    def meet(at: int, _name: str, path: Path) -> None:
        if at == number or (always and at > number):
            raise OSError(code, os.strerror(code), str(path))

    return meet


def flip(path: Path, chance: random.Random) -> bytes:
    """Turn one bit of a file over; gives what it was."""
    was = path.read_bytes()
    place = chance.randrange(len(was))
    path.write_bytes(was[:place] + bytes([was[place] ^ 1 << chance.randrange(8)]) + was[place + 1 :])
    return was


def with_calls(child: int, trace: Path, fault: str) -> int:
    """Let a child that has stopped itself go on under strace.

    Args:
        child: its process id.
        trace: where its system calls are written to.
        fault: of one of them, as ``fsync:signal=KILL:when=2``; nothing for none.

    Returns:
        How it ended, as :func:`wait` says it.
    """
    os.waitpid(child, os.WUNTRACED)
    faults = ["-e", f"inject={fault}"] if fault else []
    told = ["strace", "-y", "-e", f"trace={CALLS}", *faults, "-o", str(trace), "-p", str(child)]
    with subprocess.Popen(told, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        line = strace.stderr.readline()
        os.kill(child, signal.SIGCONT if "attached" in line else signal.SIGKILL)
        ended = wait(child)
    if "attached" not in line:
        pytest.skip(f"strace cannot be used here: {line.strip()}")
    return ended
