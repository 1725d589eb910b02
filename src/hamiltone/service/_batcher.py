"""Batches of the windows of concurrent requests, in one thread that alone uses the model."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float32

from hamiltone.audio import FRAME_SAMPLES
from hamiltone.networks import Recognizer

_T = TypeVar("_T")
_WARMING_SECONDS = 2  # a large model on a CPU shall not be slow to start


class _Job:
    """A recording whose windows are being recognised."""

    def __init__(self, waveform: Float32[np.ndarray, "_"], bounds: Sequence[tuple[int, int]]) -> None:
        self.waveform = waveform
        self.waiting = deque(bounds)
        self.rows: list[np.ndarray] = []
        self.done: asyncio.Future[np.ndarray] = asyncio.get_running_loop().create_future()


class Batcher:
    """Recognises windows of concurrent requests together, in one thread that alone uses the model.

    Each batch takes the windows of the waiting recordings in turns, so that a long one does not hold up short ones.

    Args:
        recognizer: the model, in eval mode.
        size: windows in a batch.
        wait: seconds that a batch waits to be filled.
        observe: told the number of windows of each batch.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        size: int = 16,
        wait: float = 0.005,
        observe: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self._recognizer = recognizer
        self._size = size
        self._wait = wait
        self._observe = observe
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._jobs: deque[_Job] = deque()
        self._filled = asyncio.Event()
        self._server: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to serve, after batches of silence, so that no request pays for the first call.

        What torch prepares for a batch is kept for each size: with all sizes seen, memory stays where it is.
        """
        began = time.monotonic()
        for size in range(self._size, 0, -1):
            await self.run(self._recognized, np.zeros((size, FRAME_SAMPLES), np.float32))
            if time.monotonic() - began > _WARMING_SECONDS:
                break
        self._server = asyncio.create_task(self._serve())

    async def close(self) -> None:
        """End; by then every request has its answer or has been given up."""
        if self._server is not None:
            self._server.cancel()
            await asyncio.wait([self._server])
        self._thread.shutdown()

    async def run(self, function: Callable[..., _T], *args: object) -> _T:
        """Call a function in the model's thread, between two batches."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    async def recognize(
        self, waveform: Float32[np.ndarray, "_"], bounds: Sequence[tuple[int, int]]
    ) -> Float32[np.ndarray, "window label"]:
        """The probabilities of a recording's windows.

        Args:
            waveform: at 16 kHz.
            bounds: the windows' (start, stop) in samples, one at least; a short one is zero-padded at its end.
        """
        job = _Job(waveform, bounds)
        self._jobs.append(job)
        self._filled.set()
        return await job.done

    async def _serve(self) -> None:
        while True:
            await self._filled.wait()
            if sum(len(job.waiting) for job in self._jobs) < self._size:
                await asyncio.sleep(self._wait)
            batch = self._next_windows()
            if batch:
                await self._recognize_batch(batch)
            if not self._jobs:
                self._filled.clear()

    def _next_windows(self) -> list[tuple[_Job, tuple[int, int]]]:
        """The next windows, one of each recording in turn, in their order; recordings given up are forgotten."""
        taken: list[tuple[_Job, tuple[int, int]]] = []
        while self._jobs and len(taken) < self._size:
            job = self._jobs.popleft()
            if job.done.done():
                continue
            taken.append((job, job.waiting.popleft()))
            if job.waiting:
                self._jobs.append(job)
        return taken

    async def _recognize_batch(self, batch: Sequence[tuple[_Job, tuple[int, int]]]) -> None:
        self._observe(len(batch))
        try:
            rows = await self.run(self._recognized, _padded(batch))
        except Exception as error:  # told to each request; the service goes on
            for job, _ in batch:
                if not job.done.done():
                    job.done.set_exception(error)
            return
        for (job, _), row in zip(batch, rows, strict=True):
            job.rows.append(row)
        for job in {job for job, _ in batch}:
            if not job.waiting and not job.done.done():
                job.done.set_result(np.stack(job.rows))

    def _recognized(self, frames: Float32[np.ndarray, "window 64000"]) -> Float32[np.ndarray, "window label"]:
        return self._recognizer.recognize([torch.from_numpy(frames)]).frames.numpy()


def _padded(batch: Sequence[tuple[_Job, tuple[int, int]]]) -> Float32[np.ndarray, "window 64000"]:
    frames = np.zeros((len(batch), FRAME_SAMPLES), np.float32)
    for frame, (job, (start, stop)) in zip(frames, batch, strict=True):
        frame[: stop - start] = job.waveform[start:stop]
    return frames
