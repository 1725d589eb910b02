"""Attempts on hostile input in a child process: one that dies, hangs or takes much memory is a failure of the test."""

import faulthandler
import os
import random
import resource
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from unicodedata import category

from hamiltone.errors import HamiltoneError

LONGEST_LINE = 2000


def endure(
    seeds: Iterable[int], attempt: Callable[[random.Random], str], *, megabytes: int = 512, seconds: float = 60.0
) -> Counter[str]:
    """Make an attempt for each seed in one forked child, and count how they ended.

    Args:
        seeds: of what is tried; that of a failure is told, and makes it again.
        attempt: gives a word for how it ended; a ``HamiltoneError`` of one line is as good an end, anything else a
            failure.
        megabytes: of address space that the child may take beyond what it has at the beginning.
        seconds: in which each attempt must end, native code included.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, from Python 3.12 on
            child = os.fork()
        if not child:
            _attempt_all(seeds, attempt, told.fileno(), megabytes << 20, seconds)
        _, status = os.waitpid(child, 0)
        told.seek(0)
        lines = told.read().splitlines()
    failures = [line.replace("\\n", "\n") for line in lines if not line.startswith(("try ", "end "))]
    tried = sum(line.startswith("try ") for line in lines)
    last = next((line for line in reversed(lines) if line.startswith("try ")), "")
    assert status == 0, f"the child ended with status {status} at {last}: {failures[:40]}"
    assert not failures, "\n".join([f"{len(failures)} failures", *failures[:10]])
    ends = Counter(line.removeprefix("end ") for line in lines if line.startswith("end "))
    assert tried == ends.total()
    return ends


def _attempt_all(
    seeds: Iterable[int], attempt: Callable[[random.Random], str], told: int, allowed: int, seconds: float
) -> None:
    try:
        statistics = Path("/proc/self/statm")
        if statistics.exists():  # macOS has no such limit
            most = int(statistics.read_text(encoding="utf-8").split()[0]) * resource.getpagesize() + allowed
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for seed in seeds:
            os.write(told, f"try {seed}\n".encode())
            faulthandler.dump_traceback_later(seconds, exit=True, file=told)
            os.write(told, _ended(seed, attempt))
            faulthandler.cancel_dump_traceback_later()
        os._exit(0)
    except BaseException:
        os.write(told, traceback.format_exc().encode())
        os._exit(1)


def is_clean(line: str) -> bool:
    """Whether a line is one, of bounded length, that does nothing to a terminal."""
    return len(line) < LONGEST_LINE and not any(category(sign) in {"Cc", "Cs"} for sign in line)


def _ended(seed: int, attempt: Callable[[random.Random], str]) -> bytes:
    try:
        word = attempt(random.Random(seed))
    except HamiltoneError as error:
        message = str(error)
        if not is_clean(message):
            return f"seed {seed}: no clean line: {message[:500]!r}\n".encode()
        word = type(error).__name__
    except BaseException:
        told = traceback.format_exc().strip().replace("\n", "\\n")  # a line each
        return f"seed {seed}: {told}\n".encode(errors="backslashreplace")
    return f"end {word}\n".encode()


def mutated(content: bytes, random: random.Random, head: int = 256) -> bytes:
    """Bytes with a few changes: flips, runs, cuts, repeats; half of them in the first ``head`` bytes."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        if not changed:
            return b""
        most = len(changed) if random.random() < 0.5 else min(head, len(changed))
        place, length = random.randrange(most), random.choice((1, 1, 2, 4, 8, 64))
        match random.randrange(6):
            case 0:
                changed[place] ^= 1 << random.randrange(8)
            case 1:
                changed[place : place + length] = random.randbytes(length)
            case 2:
                changed[place : place + length] = bytes([random.choice((0, 0x7F, 0x80, 0xFF))]) * length
            case 3:
                del changed[place : place + length]
            case 4:
                changed[place:place] = changed[place : place + length] * random.choice((1, 2, 50))
            case 5:
                del changed[random.randrange(len(changed)) :]
    return bytes(changed)
