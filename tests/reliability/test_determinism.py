"""The same settings, seed and threads give the same bytes; another number of threads or version is another run."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from hamiltone.study import LocalExecutor, Study, run_study
from hamiltone.training import TrainingError, _run, train

from ._children import but_for_the_place, fork, hamiltone, results, wait
from .conftest import Whole


def test_in_this_process_again(whole: Whole, tmp_path: Path) -> None:
    """After other work, which has left random states and caches as it likes."""
    train(whole.settings(tmp_path / "out")[0].model_copy(update={"seed": 7}), quiet=True)
    assert results(tmp_path / "out") != whole.results
    train(whole.settings(tmp_path / "again")[0], quiet=True)
    assert results(tmp_path / "again") == whole.results


def test_in_another_process_whatever_its_environment(whole: Whole, tmp_path: Path) -> None:
    file = whole.settings(tmp_path / "out")[1]
    own = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED"), "3")
    own |= {"ACCELERATE_MIXED_PRECISION": "bf16", "TZ": "Asia/Kolkata"}
    script = "from hamiltone._command import main; main()"
    command = [sys.executable, "-c", script, "train", str(file), "--quiet"]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert results(tmp_path / "out") == whole.results


def test_with_an_empty_cache(whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path / "cache"))
    train(whole.settings(tmp_path / "out")[0], quiet=True)
    assert but_for_the_place(results(tmp_path / "out")) == but_for_the_place(whole.results)


def test_other_threads_are_another_run(whole: Whole, tmp_path: Path) -> None:
    log, file = tmp_path / "log", whole.settings(tmp_path / "out")[1]
    command = partial(hamiltone, "train", file, f"out={whole.folder}", "--quiet")
    assert wait(fork(command, log)) == 0, log.read_text(encoding="utf-8")  # done before
    assert whole.results["record"]["resources"]["threads"] == whole.results["record"]["settings"]["threads"] == 1
    assert wait(fork(partial(command, "threads=2"), log)) == 2
    told = log.read_text(encoding="utf-8")
    assert told.startswith(f"hamiltone: {whole.folder}: holds another run")
    assert told.count("\n") == 1


def test_other_versions_are_another_run(whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, _ = whole.settings(tmp_path / "out")
    here = _run.versions()
    monkeypatch.setattr(_run, "versions", lambda: here | {"torch": "0.1"})
    record = train(settings, quiet=True)
    assert record.versions["torch"] == "0.1"
    monkeypatch.undo()
    assert record.run != whole.results["record"]["run"]
    with pytest.raises(TrainingError, match=r"holds another run"):
        train(settings, quiet=True)


@pytest.mark.soak
def test_a_study_with_one_worker_or_four(study_of: Callable[..., Study], tmp_path: Path, record_property) -> None:
    """A study that was killed with two workers is compared with one of one worker in every run of the tests."""
    study, found = study_of(methods=["none", "S", "W", "SW"], seeds=[0, 1]), []
    for workers in (1, 2, 4):
        out = tmp_path / str(workers)
        assert run_study(study, out, LocalExecutor(out, workers), quiet=True).complete
        found.append({run.name: results(run) for run in sorted(out.glob("runs/[!.]*"))})
    assert all(one == found[0] for one in found)
    record_property("runs of a study, the same bytes with 1, 2 and 4 workers", len(found[0]))
