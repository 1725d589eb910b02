"""Children of a test that carry out a command and are killed, or meet a system that refuses."""

import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = ("model/model.safetensors", "predictions.csv")
_TIMES = ("seconds_per_epoch", "epoch_seconds", "cpu_seconds_per_epoch", "epoch_cpu_seconds", "peak_memory_bytes")


def fork(action: Callable[[], object], log: Path) -> int:
    """Do something in a forked child, which has all modules already; what it says goes to ``log``.

    Returns:
        The child's process id; it exits with 0, with the code of ``SystemExit``, or with 1 and a traceback.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, from Python 3.12 on
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(written, 1)
        os.dup2(written, 2)
        sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
        action()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise AssertionError


def wait(child: int) -> int:
    """How a child ended: its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def hamiltone(*words: object) -> None:
    """The command line, to be called in a child."""
    from hamiltone._command import main

    sys.argv = ["hamiltone", *map(str, words)]
    main()


def kill_after(child: int, seconds: float) -> int | None:
    """Kill a child with SIGKILL after some time; its exit code, if it was quicker."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def results(run: Path) -> dict[str, Any]:
    """What a run must give again to the byte: weights, predictions, and the record without times and place."""
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    resources = {key: value for key, value in record["resources"].items() if key not in (*_TIMES, "side_by_side")}
    settings = {key: value for key, value in record["settings"].items() if key not in ("out", "name")}
    kept = {key: value for key, value in record.items() if key not in ("command", "name")}
    files = {name: (run / name).read_bytes() for name in RESULTS if (run / name).exists()}
    return files | {"record": kept | {"resources": resources, "settings": settings}}


def but_for_the_place(found: dict[str, Any]) -> dict[str, Any]:
    """Results without the run's key, to which the recordings' place belongs."""
    return {**found, "record": {**found["record"], "run": ""}}
