"""How many runs go at once where nobody says it: as many as keep each usable core busy once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hamiltone.study import LocalExecutor, _executors, local_workers, run_study

from .conftest import Make


@pytest.mark.parametrize(
    ("changes", "workers"),
    [
        ({"run": {"threads": 1}}, 8),
        ({"run": {}}, 4),  # two threads are the usual number
        ({"run": {"threads": 3}}, 2),
        ({"run": {"threads": 1}, "speaker": {"threads": 4}}, 2),  # the widest of its runs
        ({"run": {"threads": 1}, "networks": {"real": {"run": {"threads": 2, "processes": 2}}}}, 2),
        ({"run": {"threads": 16}}, 1),
    ],
)
def test_workers_times_threads_are_no_more_than_the_cores(
    study_of: Make, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], workers: int
) -> None:
    monkeypatch.setattr(_executors, "usable_cores", lambda: 8)
    assert local_workers(study_of(**changes)) == workers


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes here are not bound to cores")
def test_cores_that_are_not_ours_do_not_count() -> None:
    code = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
    code += "from hamiltone.study._executors import usable_cores; print(usable_cores())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


@pytest.mark.parametrize(
    ("told", "cores"), [("150000 100000", 1), ("20000 100000", 1), ("300000 100000", 3), ("max 9", 4)]
)
def test_a_containers_quota_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: str, cores: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(_executors, "_QUOTA", tmp_path / "cpu.max")
    assert _executors.usable_cores() == 4
    (tmp_path / "cpu.max").write_text(f"{told}\n")
    assert _executors.usable_cores() == cores


def test_what_a_run_prints_holds_up_nobody_and_is_in_its_log(
    study_of: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """More than a pipe takes, and a line behind the outcome's place."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif 'hamiltone.study._worker' in sys.orig_argv:\n"
        "    import hamiltone.study._job as job\n    carry_out = job.carry_out\n"
        "    def chatty(*given):\n        print('x' * 200_000)\n        return carry_out(*given)\n"
        "    job.carry_out = chatty\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    out = tmp_path / "out"
    assert run_study(study_of(methods=["none"]), out, LocalExecutor(out, 1), quiet=True).complete
    (log,) = out.glob("runs/*/log.txt")
    assert "x" * 200_000 in log.read_text()
