"""Timing: medians of repeats that take turns, so that whatever else the machine does falls on all alike."""

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

_BUSY = "import torch; a = torch.rand(1500, 1500); print('busy', flush=True); [a @ a for _ in iter(int, 1)]"


def timed(call: Callable[[], object]) -> Callable[[], float]:
    """The call as a function that gives its seconds."""

    def clocked() -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    return clocked


def interleaved(calls: Mapping[str, Callable[[], float]], repeats: int, *, warm: bool = False) -> dict[str, float]:
    """Median seconds of each call over rounds in which all take their turn; a round before them is not counted.

    Args:
        calls: functions that give their own seconds.
        repeats: rounds.
        warm: make each call twice and count the second, for short calls: what another one, or a wait for another
            process, has left in caches, allocator and idle threads falls on the first.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    gc.collect()
    for turn in range(repeats + 1):
        # Another one begins each round: what a call leaves in the caches is not always found by the same one.
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            if warm:
                calls[name]()
            taken = calls[name]()
            if turn:
                seconds[name].append(taken)
    return {name: statistics.median(values) for name, values in seconds.items()}


@contextmanager
def neighbour() -> Iterator[None]:
    """Within the block, another process multiplies matrices on all cores, as PyTorch does it by itself."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "MKL_"))}
    with subprocess.Popen([sys.executable, "-c", _BUSY], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()
