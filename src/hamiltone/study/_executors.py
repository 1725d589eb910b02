"""Where the runs of a study are carried out: one interface, and the executor for this machine."""

import json
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from ._errors import StudyError
from ._job import LOG, Job, Outcome
from ._settings import Study

_LOOK_SECONDS = 0.05
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


class Executor(ABC):
    """Carries out jobs, several at a time, in processes apart.

    Attributes:
        side_by_side: how many jobs go at once on one machine, at the most.
        at_once: how many go at once in all; None where it is not known before, as in a cluster.
    """

    side_by_side: int
    at_once: int | None = None

    @abstractmethod
    def has_room(self) -> bool:
        """Whether another job can be taken now."""

    @abstractmethod
    def start(self, job: Job) -> None:
        """Take a job whose runs beneath are finished."""

    @abstractmethod
    def wait(self, seconds: float) -> dict[str, Outcome]:
        """The jobs that have ended since the last call, by folder; waits for one, at most so long."""

    @abstractmethod
    def close(self) -> None:
        """Stop everything that still runs; it goes on from its checkpoint another time."""


@dataclass
class _Running:
    job: Job
    process: subprocess.Popen[str]
    slot: int


class LocalExecutor(Executor):
    """Processes on this machine, one for each run, so that a run that crashes or is killed takes nobody along.

    Args:
        root: the study's output folder.
        workers: how many runs go at once.
        gpus: how many GPUs this process may use; runs of one process get one of them in turn.
    """

    def __init__(self, root: Path, workers: int, gpus: int = 0) -> None:
        self.side_by_side = self.at_once = workers
        self._root = root.resolve()
        self._gpus = gpus
        self._running: dict[str, _Running] = {}

    def has_room(self) -> bool:
        """Whether a worker is free."""
        return len(self._running) < self.side_by_side

    def start(self, job: Job) -> None:
        """Start a process for a job."""
        folder = self._root / job.folder
        folder.mkdir(parents=True, exist_ok=True)
        slot = min(set(range(self.side_by_side)) - {running.slot for running in self._running.values()})
        (folder / LOG).write_bytes(b"")
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}._worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment(job, slot),
                start_new_session=True,  # an interruption is the study's to handle
            )
        self._running[job.folder] = _Running(job, process, slot)
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({"job": asdict(job), "root": str(self._root)}) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it died at once; its outcome says so

    def wait(self, seconds: float) -> dict[str, Outcome]:
        """See which processes have ended."""
        until = time.monotonic() + seconds
        while True:
            ended = [folder for folder, running in self._running.items() if running.process.poll() is not None]
            if ended or time.monotonic() > until:
                return {folder: _outcome(self._running.pop(folder).process, folder) for folder in ended}
            time.sleep(_LOOK_SECONDS)

    def close(self) -> None:
        """Kill what still runs."""
        for running in self._running.values():
            running.process.kill()
        for running in self._running.values():
            running.process.communicate()
        self._running.clear()

    def _environment(self, job: Job, slot: int) -> dict[str, str]:
        environment = os.environ | {"OMP_NUM_THREADS": str(job.threads), "PYTHONUNBUFFERED": "1"}
        if cache := os.environ.get("HAMILTONE_CACHE"):
            environment["HAMILTONE_CACHE"] = str(Path(cache).expanduser().resolve())
        if self._gpus and job.processes == 1 and job.takes_gpus:
            given = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(self._gpus)))
            environment["CUDA_VISIBLE_DEVICES"] = given.split(",")[slot % self._gpus].strip()
        return environment


def ray_executor(root: Path, address: str, *, ship: bool = False) -> Executor:
    """The executor for a Ray cluster; see ``RayExecutor``.

    Raises:
        StudyError: Ray is not installed, or no cluster is at this address.
    """
    try:
        module = import_module(f"{__package__}._ray")
    except ModuleNotFoundError as error:
        raise StudyError(f"a cluster needs Ray ({error.name} is missing): pip install 'hamiltone[ray]'") from None
    return module.RayExecutor(root, address, ship=ship)


def usable_cores() -> int:
    """How many cores this process may use: of those that there are, what affinity and a container's quota leave."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, _QUOTA.read_text(encoding="ascii").split())
    except (OSError, ValueError):  # there is none, or it is "max"
        return cores
    return min(cores, max(1, quota // period))


def local_workers(study: Study) -> int:
    """How many runs of a study the usable cores hold at once, at the threads and processes of the widest of them."""
    return max(1, usable_cores() // study.cores_of_a_run)


def _outcome(process: subprocess.Popen[str], folder: str) -> Outcome:
    output, _ = process.communicate()
    lines = output.strip().splitlines()
    if process.returncode == 0 and lines:
        return Outcome(**json.loads(lines[-1]))
    if process.returncode < 0:
        return Outcome("failed", f"killed by signal {-process.returncode}, perhaps for lack of memory; run it again")
    return Outcome("failed", f"its process ended with exit code {process.returncode} (see {folder}/{LOG})")
