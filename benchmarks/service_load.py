"""Load test of the service: latencies, errors and memory with many clients, and a flood beyond its limits.

    python -m benchmarks.service_load RUN/model [--clients 50] [--seconds 60] [--flood 400]

It starts ``hamiltone serve`` on a free port of this machine, lets the clients post clips of 4 s one after the other,
then sends the flood at once. Memory is that of the service and its decoding processes together. The clients' own work
is on the same cores.
"""

import argparse
import asyncio
import io
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import psutil
import soundfile

RATE = 16000
SETTLED = 10.0  # seconds after which memory must not grow
MEMORY_TOLERANCE = 20e6
COMMAND = "from hamiltone._command import main; main()"


def clip(seed: int) -> bytes:
    """Four seconds of noise and a tone."""
    rng = np.random.default_rng(seed)
    tone = 0.2 * np.sin(2 * np.pi * (120 + 7 * seed) * np.arange(4 * RATE) / RATE)
    file = io.BytesIO()
    soundfile.write(file, tone + rng.normal(0, 0.05, 4 * RATE), RATE, format="WAV")
    return file.getvalue()


def memory(process: psutil.Process) -> float:
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))


async def keep_posting(
    client: httpx.AsyncClient, body: bytes, until: float, answers: list[tuple[int | str, float]]
) -> None:
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            status: int | str = (await client.post("/v1/predict", content=body)).status_code
        except httpx.HTTPError as error:
            status = f"{type(error).__name__}: {error}"
        answers.append((status, time.monotonic() - began))


async def watch(process: psutil.Process, until: float) -> list[float]:
    seen = []
    while time.monotonic() < until:
        seen.append(memory(process))
        await asyncio.sleep(1)
    return seen


async def load(address: str, process: psutil.Process, clients: int, seconds: float) -> bool:
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    answers: list[tuple[int | str, float]] = []
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits, trust_env=False) as client:
        until = time.monotonic() + seconds
        watching = asyncio.create_task(watch(process, until))
        await asyncio.gather(*(keep_posting(client, clip(seed), until, answers) for seed in range(clients)))
        seen = await watching
    statuses = Counter(status for status, _ in answers)
    times = statistics.quantiles((1000 * took for _, took in answers), n=100)
    print(f"{clients} clients for {seconds:g} s: {len(answers)} answers, {len(answers) / seconds:.1f} a second")
    print(f"statuses: {dict(statuses)}")
    print(f"latency: median {times[49]:.0f} ms, p95 {times[94]:.0f} ms, p99 {times[98]:.0f} ms")
    settled = int(min(SETTLED, len(seen) - 2))
    before, after = seen[settled], statistics.median(seen[-5:])
    print(
        f"memory: {before / 1e6:.0f} MB after {settled} s, {after / 1e6:.0f} MB at the end, peak {max(seen) / 1e6:.0f}"
    )
    return set(statuses) == {200} and after - before < MEMORY_TOLERANCE


async def flood(address: str, count: int) -> bool:
    limits = httpx.Limits(max_connections=count)
    body = clip(0)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits, trust_env=False) as client:
        posts = (client.post("/v1/predict", content=body) for _ in range(count))
        answers = await asyncio.gather(*posts, return_exceptions=True)
        statuses = Counter(a.status_code if isinstance(a, httpx.Response) else type(a).__name__ for a in answers)
        hinted = all(
            a.headers.get("Retry-After") for a in answers if isinstance(a, httpx.Response) and a.status_code > 428
        )
        alive = (await client.post("/v1/predict", content=body)).status_code
    print(f"a flood of {count} at once: {dict(statuses)}, each refusal with Retry-After: {hinted}; then {alive}")
    return set(statuses) <= {200, 429, 503} and hinted and alive == 200


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--clients", type=int, default=50)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--flood", type=int, default=400)
    options = arguments.parse_args()
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-c", COMMAND, "serve", "--model", str(options.model), "--port", "0"]
        service = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=dict(os.environ))
        assert service.stdout is not None
        try:
            address = service.stdout.readline().split()[1]
            good = asyncio.run(load(address, psutil.Process(service.pid), options.clients, options.seconds))
            good &= asyncio.run(flood(address, options.flood))
        finally:
            service.send_signal(signal.SIGTERM)
            code = service.wait(120)
    print(f"ended with {code}; {'as it should be' if good and code == 0 else 'NOT as it should be'}")
    sys.exit(not (good and code == 0))


if __name__ == "__main__":
    main()
