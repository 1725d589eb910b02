"""What ``hamiltone bench`` measures: time and memory of layers and training steps, as ratios within one run.

    >>> from hamiltone.benchmark import run_benchmark  # doctest: +SKIP
    >>> result = run_benchmark("ac", threads=2)  # doctest: +SKIP

Seconds differ from machine to machine and from hour to hour; ratios of medians over repeats that take turns differ
less. Each measurement of memory has a fresh process.
"""

from ._against import BenchmarkError
from ._results import BenchmarkResult, Row, Table, Target
from ._run import TABLES, run_benchmark
from ._write import TARGET_COLUMNS, cells, markdown, target_cells, write_benchmark

__all__ = [
    "TABLES",
    "TARGET_COLUMNS",
    "BenchmarkError",
    "BenchmarkResult",
    "Row",
    "Table",
    "Target",
    "cells",
    "markdown",
    "run_benchmark",
    "target_cells",
    "write_benchmark",
]
