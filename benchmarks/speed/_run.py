"""The run of a benchmark: the tables that are asked for, and the machine they hold for."""

import os
import platform
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch

from hamiltone import __version__
from hamiltone.machine import processor

from ._layer_tables import busy_layer_table, layer_tables
from ._results import BenchmarkError, BenchmarkResult, Table
from ._speechbrain_client import SpeechBrain
from ._step_tables import FULL, QUICK, anti_transfer_tables, growth_tables, step_table
from ._study_table import study_table

TABLES = {
    "a": "each quaternion layer of VGG16 against the plain form",
    "b": "the anti-transfer loss: naive, live, stored",
    "c": "whole training steps",
    "d": "growth with clips, length, width and batch",
    "e": "the layers of a beside a process that keeps all cores busy",
    "f": "a study's runs one after another and side by side",
}


def run_benchmark(
    tables: str = "abcdef",
    *,
    threads: int | None = None,
    quick: bool = False,
    against: Path | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> BenchmarkResult:
    """Measure.

    Args:
        tables: letters of ``TABLES``.
        threads: of torch; by default as many as there are cores. They are set back afterwards.
        quick: tiny sizes and one repeat, to see that everything runs; the numbers mean nothing.
        against: a Python interpreter that has SpeechBrain, whose quaternion layers take part in table a.
        report: told what is being measured.

    Raises:
        BenchmarkError: a letter that is no table's, or ``against`` cannot be used.
        HamiltoneError: a measurement of memory failed.
    """
    unknown = sorted(set(tables) - set(TABLES))
    if unknown or not tables:
        raise BenchmarkError(f"bench: no table {', '.join(unknown) or 'named'}; there are {', '.join(TABLES)}")
    sizes = QUICK if quick else FULL
    threads, before = threads or os.cpu_count() or 1, torch.get_num_threads()
    torch.set_num_threads(threads)
    results: list[Table] = []
    machine = _machine(threads, quick)
    try:
        with torch.random.fork_rng(devices=[]), ExitStack() as stack:
            torch.manual_seed(0)
            if "a" in tables:
                other = None if against is None else stack.enter_context(SpeechBrain(against, threads))
                machine |= {} if other is None else {"against": other.versions}
                results += layer_tables(sizes.width, sizes.batch, sizes.embedding, sizes.repeats, other, report)
            if "b" in tables:
                results += anti_transfer_tables(sizes, threads, report)
            if "c" in tables:
                results.append(step_table(sizes, threads, report))
            if "d" in tables:
                results += growth_tables(sizes, threads, report)
            if "e" in tables:
                results.append(busy_layer_table(sizes.width, sizes.batch, sizes.embedding, sizes.repeats, report))
            if "f" in tables:
                results.append(study_table(quick, report))
    finally:
        torch.set_num_threads(before)
    return BenchmarkResult(machine, results)


def _machine(threads: int, quick: bool) -> dict[str, object]:
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "hamiltone": __version__,
        "wait policy": os.environ.get("OMP_WAIT_POLICY", "default"),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "quick": quick,
    }
