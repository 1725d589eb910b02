"""Runs of a study as Ray tasks, on one machine or many (extra ``ray``).

Each run is a task with its demands: cores, GPUs, memory. Ray places it, and places it anew when its machine is lost; a
run whose folder all machines share then goes on from its checkpoint. Without such a folder, what a run rests on is sent
to it through Ray's object store, and its own folder comes back the same way.
"""

import io
import logging
import os
import socket
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
import ray.exceptions

from hamiltone.extensions import VARIABLE
from hamiltone.files import atomic_path

from ._errors import StudyError
from ._executors import Executor, usable_cores
from ._job import Job, Outcome, carry_out

_RETRIES = 3
_ANSWER_SECONDS = 10
_MEMORY_MARGIN = 1.25
_PACKED = "content"
_PASSED_ON = ("HAMILTONE_DATA", "HAMILTONE_CACHE", VARIABLE, "PYTHONPATH")


class RayExecutor(Executor):
    """Carries out jobs on a Ray cluster.

    Args:
        root: the study's output folder.
        address: of the cluster, as ``ray.init`` takes it: ``auto``, ``HOST:PORT``, or ``local`` for this machine alone.
        ship: send folders through Ray's object store instead of expecting ``root`` on every machine.

    Raises:
        StudyError: no cluster at this address.
    """

    def __init__(self, root: Path, address: str, *, ship: bool = False) -> None:
        self._root = root.resolve()
        self._ship = ship
        _see_that_it_answers(address)
        # Where machines share a folder they have the same places for recordings and cache; elsewhere each has its own.
        passed = {} if ship else {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        if address == "local":
            os.environ.setdefault("RAY_worker_niceness", "0")  # Ray would put them behind everything else here
        try:
            ray.init(
                address=address,
                num_cpus=usable_cores() if address == "local" else None,
                runtime_env={"env_vars": passed},
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=True,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise StudyError(f"--ray {address}: no Ray cluster answers there: {error}") from None
        self._gpus = ray.cluster_resources().get("GPU", 0) > 0
        self._cores = max(int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"])
        self.side_by_side = self._cores  # of runs that take one core
        self._running: dict[ray.ObjectRef[Any], Job] = {}
        self._packed: dict[str, ray.ObjectRef[Any]] = {}

    def has_room(self) -> bool:
        """Ray itself keeps what it cannot place yet."""
        return True

    def start(self, job: Job) -> None:
        """Hand a job to Ray.

        Raises:
            StudyError: it asks for more cores than any machine has, so that it would wait for ever.
        """
        cores = job.threads * job.processes
        if cores > self._cores:
            raise StudyError(
                f"{job.folder}: asks for {cores} cores; no machine of the cluster has more than {self._cores}"
            )
        demands: dict[str, Any] = {
            "num_cpus": cores,
            "num_gpus": job.processes if self._gpus and job.takes_gpus else 0,
            "memory": None if job.memory is None else int(job.memory * _MEMORY_MARGIN),
            "max_retries": _RETRIES,
            "name": job.folder,
        }
        told = replace(job, side_by_side=max(1, self._cores // cores))
        if self._ship:
            task = _alone(_carry_out_elsewhere).options(**demands).remote(told, self._beneath(job))
        else:
            task = _alone(_carry_out_here).options(**demands).remote(told, str(self._root))
        self._running[task] = job

    def wait(self, seconds: float) -> dict[str, Outcome]:
        """See which tasks have ended."""
        ended, _ = ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return {(job := self._running.pop(task)).folder: self._outcome(task, job) for task in ended}

    def close(self) -> None:
        """Cancel what still runs and leave the cluster."""
        for task in self._running:
            ray.cancel(task, force=True)
        self._running.clear()
        ray.shutdown()

    def _outcome(self, task: "ray.ObjectRef[Any]", job: Job) -> Outcome:
        try:
            outcome, content = ray.get(task)
        except ray.exceptions.RayError as error:
            text = " ".join(str(error).split())
            return Outcome("failed", f"Ray gave it up after {_RETRIES} retries: {text[:300]}")
        if content is not None:
            _unpack(content, self._root / job.folder)
        return outcome

    def _beneath(self, job: Job) -> "dict[str, ray.ObjectRef[Any]]":
        """What a job needs of the output folder, in the object store, by path."""
        needed = [*job.needs, *job.files]
        for path in needed:
            if path not in self._packed:
                self._packed[path] = ray.put(_pack(self._root / path))
        own = self._root / job.folder  # what is there of it goes along, since what comes back takes its place
        there = {job.folder: ray.put(_pack(own))} if own.is_dir() else {}
        return {path: self._packed[path] for path in needed} | there


def _see_that_it_answers(address: str) -> None:
    """Ray itself tries for minutes."""
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal()) or "://" in address:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()
    except OSError as error:
        raise StudyError(f"--ray {address}: no Ray cluster answers there: {error.strerror or error}") from None


def _carry_out_here(job: Job, root: str) -> tuple[Outcome, bytes | None]:
    return carry_out(job, Path(root)), None


def _carry_out_elsewhere(job: Job, beneath: "Mapping[str, ray.ObjectRef[Any]]") -> tuple[Outcome, bytes | None]:
    with tempfile.TemporaryDirectory(prefix="hamiltone-") as name:
        root = Path(name)
        for path, content in zip(beneath, ray.get(list(beneath.values())), strict=True):
            _unpack(content, root / path)
        try:
            outcome = carry_out(job, root)
        finally:
            os.chdir("/")  # the folder cannot be removed from under its process everywhere
        return outcome, _pack(root / job.folder)


# Each task in a process of its own, so that a run's memory is measured, and freed.
_alone = ray.remote(max_calls=1)


def _pack(path: Path) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(path, arcname=_PACKED)
    return file.getvalue()


def _unpack(content: bytes, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=destination.parent) as name:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(name, filter="data")
        with atomic_path(destination) as draft:
            (Path(name) / _PACKED).rename(draft)
