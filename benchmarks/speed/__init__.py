"""Benchmark of speed: time and memory of layers and training steps, as ratios within one run.

From the root of the repository ``make bench``, or ``python -m benchmarks.speed a c --threads 2``; in Python

    result = run_benchmark("ac", threads=2)

Seconds differ from machine to machine and from hour to hour; ratios of medians over repeats that take turns differ
less. Each measurement of memory has a fresh process.
"""

from ._report_files import markdown, write_benchmark
from ._results import BenchmarkError, BenchmarkResult, Row, Table, Target
from ._run import TABLES, run_benchmark

__all__ = [
    "TABLES",
    "BenchmarkError",
    "BenchmarkResult",
    "Row",
    "Table",
    "Target",
    "markdown",
    "run_benchmark",
    "write_benchmark",
]
