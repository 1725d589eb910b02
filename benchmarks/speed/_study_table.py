"""Table f: what a study gains by runs side by side, and what one run gains by more threads."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hamiltone.study import LocalExecutor, Study, run_study, usable_cores

from ._results import BenchmarkError, Row, Table, Target
from ._timing import interleaved, timed

_ROUNDS = 2


def study_table(quick: bool, report: Callable[[str], None]) -> Table:
    """Time of the same trainings one after another, with more threads, and side by side; processes' start included."""
    cores = usable_cores()
    runs = cores if quick else 2 * cores
    ways = {"one worker, one thread": (1, 1)}
    if cores > 1:
        ways |= {f"one worker, {cores} threads": (1, cores), f"{cores} workers, one thread each": (cores, 1)}
    report(f"f: {', '.join(ways)}")
    with tempfile.TemporaryDirectory() as folder:
        calls = {name: timed(_trainings(runs, *way, folder, quick)) for name, way in ways.items()}
        # What the first round decodes and extracts is kept, and each later one reads it.
        seconds = interleaved(calls, 1 if quick else _ROUNDS)
    one = seconds["one worker, one thread"]
    gains = {name: one / value for name, value in seconds.items()}
    rows = [Row(name, [1e3 * seconds[name], gain]) for name, gain in gains.items()]
    gain = Target(f"a study's {cores} workers over one: throughput", [*gains.values()][-1], 0.9 * cores, "at least")
    title = f"A study of {runs} trainings of the recogniser's network on synthetic voices"
    return Table("f", title, ["ms", "times as fast as one worker"], rows, [gain] if cores > 1 else [])


def _trainings(runs: int, workers: int, threads: int, folder: str, quick: bool) -> Callable[[], object]:
    training: dict[str, Any] = {"batch": 32, "learning_rate": 1e-3, "epochs": 1 if quick else 3}
    channels = [8, 8] if quick else [16, 32, 64]
    study = Study.model_validate(
        {
            "name": "workers",
            "corpora": {"synthetic": {}},
            "splits": [{"kind": "random", "fractions": [0.5, 0.25, 0.25]}],
            "methods": ["none"],
            "seeds": list(range(runs)),
            "probes": False,
            "run": {
                "threads": threads,
                "device": "cpu",
                "front": {"kind": "log-mel"},
                "network": {"kind": "residual", "channels": channels},
                "training": training,
            },
            "networks": {"quaternion": {}},
        }
    )

    def carry_out() -> None:
        out = Path(tempfile.mkdtemp(dir=folder)) / "study"
        done = run_study(study, out, LocalExecutor(out, workers=workers), quiet=True)
        if not done.complete:
            raise BenchmarkError(f"bench: {'; '.join(done.failed.values())}")

    return carry_out
