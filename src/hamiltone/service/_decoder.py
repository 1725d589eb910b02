"""A pool of decoding processes: a hostile file takes one of them down and nothing else."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from hamiltone.audio import SAMPLE_RATE, WORKER, worker_environment

from ._errors import ServiceError
from ._limits import Refusal, ServiceLimits

_START_SECONDS = 60
_RECORDINGS_EACH = 1000  # then a fresh process, so that what a codec's library loses does not add up
_STATUS = {"format": 415, "length": 413, "damaged": 422, "memory": 422}
_PIPE_BYTES = 1 << 20


class Decoders:
    """A few processes that turn files into waveforms, each under a limit of memory and of time.

    One that dies, or takes too long, is replaced; the recording is refused, the others go on.

    Args:
        limits: of number, memory, time and length.
        replaced: called when a process was lost.
    """

    def __init__(self, limits: ServiceLimits, replaced: Callable[[], None] = lambda: None) -> None:
        self._limits = limits
        self._replaced = replaced
        self._workers = [_Worker(limits.decoder_megabytes) for _ in range(limits.decoders)]
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()

    async def start(self) -> None:
        """Start the processes.

        Raises:
            ServiceError: one does not start.
        """
        await asyncio.gather(*(worker.start() for worker in self._workers))
        for worker in self._workers:
            self._idle.put_nowait(worker)

    async def close(self) -> None:
        """End the processes."""
        await asyncio.gather(*(worker.end() for worker in self._workers))

    async def decode(self, path: Path) -> Float32[np.ndarray, "sample"]:
        """Decode a file to 16 kHz mono; waits for an idle process.

        Raises:
            Refusal: 413 too long, 415 no known format, 422 damaged or too large in memory, 504 too slow.
        """
        worker = await self._idle.get()
        try:
            async with asyncio.timeout(_START_SECONDS):
                await worker.start()
            async with asyncio.timeout(self._limits.decode_timeout):
                head, body = await worker.decode(path, self._limits.seconds)
        except TimeoutError:
            await self._lose(worker)
            raise Refusal(
                504, "decoding_timeout", f"decoding took longer than {self._limits.decode_timeout:g} s"
            ) from None
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            await self._lose(worker)
            raise Refusal(422, "undecodable", "the recording could not be decoded: the decoder gave up") from None
        except BaseException:  # the request was given up: what its process would still say belongs to nobody
            await self._lose(worker)
            raise
        finally:
            self._idle.put_nowait(worker)
        if "code" in head:
            raise Refusal(_STATUS[head["code"]], f"audio_{head['code']}", f"recording: {head['message']}")
        return np.frombuffer(body, np.float32)

    async def _lose(self, worker: "_Worker") -> None:
        self._replaced()
        await asyncio.shield(worker.end())


class _Worker:
    """One process; started when it is needed."""

    def __init__(self, megabytes: int) -> None:
        self._megabytes = megabytes
        self._process: asyncio.subprocess.Process | None = None
        self._decoded = 0

    async def start(self) -> None:
        if self._process is not None and self._process.returncode is None:
            return
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(WORKER),
            str(self._megabytes),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=worker_environment(),
            limit=_PIPE_BYTES,
            start_new_session=True,  # an interruption of the terminal is the service's to handle
        )
        self._decoded = 0
        try:
            head, _ = await self._answer(0)
        except (asyncio.IncompleteReadError, ValueError):
            head = {}
        if not head.get("ready"):
            await self.end()
            raise ServiceError("the decoding process does not start: is decoder_megabytes too small?")

    async def decode(self, path: Path, seconds: float) -> tuple[dict[str, Any], bytes]:
        process = self._process
        assert process is not None and process.stdin is not None
        process.stdin.write(json.dumps({"path": str(path), "seconds": seconds}).encode() + b"\n")
        await process.stdin.drain()
        answer = await self._answer(round((seconds + 1) * SAMPLE_RATE))
        self._decoded += 1
        if self._decoded >= _RECORDINGS_EACH:
            await self.end()
        return answer

    async def _answer(self, most: int) -> tuple[dict[str, Any], bytes]:
        assert self._process is not None and self._process.stdout is not None
        head = json.loads(await self._process.stdout.readuntil(b"\n"))
        # A process in which a hostile file has taken over may say anything.
        if not isinstance(head, dict) or head.get("code", "format") not in _STATUS:
            raise ValueError("no answer of the decoder's")
        samples = head.get("samples", 0)
        if not (isinstance(samples, int) and 0 <= samples <= most):
            raise ValueError(f"{samples} samples, where {most} are the most")
        return head, await self._process.stdout.readexactly(4 * samples)

    async def end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()
