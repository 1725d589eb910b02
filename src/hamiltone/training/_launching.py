"""Starting the processes of one run on this machine, and telling what went wrong in one of them.

``torch.distributed.run`` starts its workers in sessions of their own that nothing ends when the launcher is killed, and
tells a mistake by a report of many lines. ``torch.multiprocessing`` imports the main script anew in each process, so
that a script without a main guard would start the run again.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

from hamiltone.errors import HamiltoneError
from hamiltone.settings import RunSettings

ORDER = "order.json"
_HOST = "127.0.0.1"
_WORKER = (sys.executable, "-m", "hamiltone.training._worker")
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 10.0


class WorkerError(HamiltoneError):
    """A mistake of the user's that one of a run's processes met, or a process that was killed."""


def launch(settings: RunSettings, *, command: str, quiet: bool, side_by_side: int, overwrite: bool = False) -> None:
    """Carry out a run in ``settings.processes`` processes of this machine, and wait for them.

    An interruption here ends them all, and so does the end of this process, however it comes.

    Raises:
        WorkerError: one of them raised a HamiltoneError (its message is this one's) or was killed.
        RuntimeError: one of them failed otherwise; with its traceback.
    """
    with tempfile.TemporaryDirectory(prefix="hamiltone-") as name:
        folder = Path(name)
        told = {"command": command, "quiet": quiet, "side_by_side": side_by_side, "overwrite": overwrite}
        order = {"settings": settings.model_dump(mode="json"), "told": told}
        (folder / ORDER).write_text(json.dumps(order), encoding="utf-8")
        # The others meet at a store that is here before they are, on a port that the system chooses.
        store = TCPStore(_HOST, 0, is_master=True, wait_for_workers=False)
        places = [_place(rank, settings, store.port) for rank in range(settings.processes)]
        run_together([*_WORKER, str(folder)], places, folder)


def run_together(command: Sequence[str], places: Sequence[Mapping[str, str]], folder: Path) -> None:
    """Run a command once for each place (what the environment of its process gets), and see them all succeed.

    When one fails the others are ended. A worker that fails may leave ``failure_file(folder, rank)``: JSON with a
    ``mistake`` (one line) or a ``traceback``. Its standard input is open until this process ends.

    Raises:
        WorkerError, RuntimeError: as :func:`launch`.
    """
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for place in places:
            environment = {"TORCH_CPP_LOG_LEVEL": "ERROR", **os.environ, **place}  # else torch warns of what we ask for
            workers.append(subprocess.Popen(command, env=environment, stdin=subprocess.PIPE))
        while not any(codes := [worker.poll() for worker in workers]) and None in codes:
            time.sleep(_POLL_SECONDS)
        codes = [worker.poll() for worker in workers]  # again: one that failed first may have been looked at before
    finally:
        _end(workers)
    if any(codes):
        _explain(codes, folder)


def failure_file(folder: Path, rank: int) -> Path:
    """Where a worker says why it failed."""
    return folder / f"failure-{rank}.json"


def _place(rank: int, settings: RunSettings, port: int) -> dict[str, str]:
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(settings.processes),
        "LOCAL_WORLD_SIZE": str(settings.processes),
        "MASTER_ADDR": _HOST,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # the store is the launcher's: rank 0 opens none
        "OMP_NUM_THREADS": str(settings.threads),
    }


def _end(workers: Sequence["subprocess.Popen[bytes]"]) -> None:
    for worker in workers:
        worker.terminate()
    until = time.monotonic() + _GRACE_SECONDS
    for worker in workers:
        try:
            worker.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        if worker.stdin is not None:
            worker.stdin.close()


def _explain(codes: Sequence[int | None], folder: Path) -> None:
    """Raise what went wrong first: those that fail only because another one did have failed after it."""
    failed = [rank for rank, code in enumerate(codes) if code]
    failures = [_failure(folder, rank) for rank in range(len(codes))]
    for failure in failures:
        if mistake := failure.get("mistake"):
            raise WorkerError(mistake)
    for rank in failed:
        code = codes[rank]
        if code is not None and code < 0:
            raise WorkerError(
                f"process {rank} of {len(codes)} was killed ({_signal_name(-code)}), perhaps for want of memory; "
                "the same command goes on from the last checkpoint"
            )
    told = "\n".join(failure["traceback"] for failure in failures if "traceback" in failure)
    raise RuntimeError(f"process {failed[0]} of {len(codes)} failed with exit code {codes[failed[0]]}\n{told}".rstrip())


def _failure(folder: Path, rank: int) -> dict[str, str]:
    try:
        return json.loads(failure_file(folder, rank).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
