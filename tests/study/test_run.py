"""Carrying out a study: once, whatever is killed, fails or is added."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from hamiltone.study import LocalExecutor, Result, Study, plan_study, run_study
from hamiltone.study._job import Job

from .conftest import Make

_OF_THE_MOMENT = ("resources", "command")


def carry_out(study: Study, out: Path, workers: int = 2) -> Result:
    return run_study(study, out, LocalExecutor(out, workers), command="a test", quiet=True)


def records(out: Path) -> dict[str, dict[str, Any]]:
    """All records below a study's folder, without what differs from one time to another."""
    found = {}
    for path in sorted(out.glob("runs/*/record.json")):
        record = json.loads(path.read_text())
        found[path.parent.name] = {key: value for key, value in record.items() if key not in _OF_THE_MOMENT}
    return found


def write(study: Study, path: Path) -> Path:
    path.write_text(
        tomli_w.dumps(study.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)),
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def finished(study_of: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study; not to be written to."""
    out = tmp_path_factory.mktemp("study") / "out"
    result = carry_out(study_of(), out)
    assert result == Result(planned=5, before=0, done=5, failed={}, skipped=())
    return out


@pytest.fixture
def own(finished: Path, tmp_path: Path) -> Path:
    """A finished study to go on with."""
    return shutil.copytree(finished, tmp_path / "own")


def test_it_leaves_records_a_plan_and_the_split(finished: Path, study_of: Make) -> None:
    found = records(finished)
    assert sorted(record.get("method", "") for record in found.values()) == ["", "", "dual SW", "none", "single S"]
    plan = json.loads((finished / "studies" / "tiny.json").read_text())
    assert {Path(run["folder"]).name for run in plan["runs"]} == set(found)
    for run in plan["runs"]:
        record = found[Path(run["folder"]).name]
        if "cell" in run:
            assert (run["cell"]["method"], run["cell"].get("layer")) == (
                record["method"],
                (record["layers"] or [None])[0],
            )
        assert record["settings"]["out"] == run["folder"]  # the folder may be moved
    (split,) = finished.glob("splits/*.json")
    hashes = {record["split"]["hash"] for record in found.values() if record["task"] == "emotion"}
    assert hashes == {json.loads(split.read_text())["hash"]}


def test_what_is_done_is_not_done_again_and_a_seed_adds_its_runs_alone(own: Path, study_of: Make) -> None:
    before = {path: path.stat().st_mtime_ns for path in own.glob("runs/*/*")}
    assert carry_out(study_of(), own) == Result(planned=5, before=5, done=0, failed={}, skipped=())
    more = study_of(name="more", methods=["none"], seeds=[0, 1])
    plan = plan_study(more, own)
    assert sorted(plan.states.values()) == ["done", "open"]
    assert plan.estimates[plan.left[0].folder].seconds > 0
    assert carry_out(more, own) == Result(planned=2, before=1, done=1, failed={}, skipped=())
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_failed_run_is_told_what_rests_on_it_is_skipped_and_the_rest_goes_on(
    finished: Path, study_of: Make, tmp_path: Path
) -> None:
    broken = study_of(recogniser={"anti_transfer": {"beta": 1e39}})
    result = carry_out(broken, tmp_path)
    ((folder, reason),) = result.failed.items()
    assert "-s-2-" in folder
    assert "the training has diverged" in reason
    ((skipped),) = result.skipped
    assert "-sw-2-" in skipped
    assert result.done == 3  # no anti-transfer, and both orthogonal networks
    assert not result.complete
    failure = json.loads((tmp_path / folder / "failure.json").read_text())
    assert failure["reason"] == reason
    assert sorted(plan_study(broken, tmp_path).states.values()) == ["done", "done", "done", "failed", "skipped"]
    again = carry_out(broken, tmp_path)  # it is tried again, and says the same
    assert (again.before, again.done, again.failed) == (3, 0, result.failed)
    mended = carry_out(study_of(), tmp_path)
    assert mended == Result(planned=5, before=3, done=2, failed={}, skipped=(), dropped=2)
    assert records(tmp_path) == records(finished)


def test_a_killed_process_fails_its_run_alone(study_of: Make, tmp_path: Path) -> None:
    executor = LocalExecutor(tmp_path, workers=1)
    start = executor.start

    def start_and_kill(job: Any) -> None:
        start(job)
        if "-none-" in job.folder:
            executor._running[job.folder].process.kill()

    executor.start = start_and_kill
    result = run_study(study_of(methods=["none", "S"]), tmp_path, executor, quiet=True)
    ((folder, reason),) = result.failed.items()
    assert "-none-" in folder
    assert "killed by signal 9" in reason
    assert (result.done, result.skipped) == (2, ())


def test_the_processes_of_a_killed_study_end_with_it(study_of: Make, tmp_path: Path) -> None:
    study = study_of(methods=["none"], recogniser={"training": {"epochs": 10_000, "patience": 10_000}})
    path = write(study, tmp_path / "study.toml")
    command = [sys.executable, "-c", "from hamiltone._command import main; main()", "study", "run", str(path)]
    process = subprocess.Popen([*command, "--out", str(tmp_path / "out")], stderr=subprocess.DEVNULL)
    checkpoints = "runs/*/checkpoint/state-*.safetensors"
    assert _comes(lambda: list((tmp_path / "out").glob(checkpoints)), seconds=60)
    assert len(_workers(tmp_path / "out")) == 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert _comes(lambda: not _workers(tmp_path / "out"), seconds=30)


def _comes(what: Callable[[], object], seconds: float) -> bool:
    """Whether something comes true in time."""
    until = time.monotonic() + seconds
    while not (come := bool(what())) and time.monotonic() < until:
        time.sleep(0.1)
    return come


def _workers(folder: Path) -> list[Path]:
    return [entry for entry in Path("/proc").glob("[0-9]*") if _works_in(folder, entry)]


def _works_in(folder: Path, entry: Path) -> bool:
    try:
        command = (entry / "cmdline").read_bytes()
        return b"hamiltone.study._worker" in command and (entry / "cwd").readlink() == folder
    except OSError:  # it ended meanwhile
        return False


def test_the_command_line_plans_runs_and_tells(own: Path, study_of: Make, tmp_path: Path) -> None:
    path = write(study_of(), tmp_path / "study.toml")

    def hamiltone(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from hamiltone._command import main; main()", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    plan = hamiltone("study", "plan", str(path), "--out", str(own))
    assert plan.returncode == 0
    assert "recogniser real, dual SW" in plan.stdout
    assert "all of them are done" in plan.stdout
    run = hamiltone("study", "run", str(path), "--out", str(own))
    assert run.returncode == 0
    assert "all 5 runs were done before; nothing to do" in run.stdout
    longer = hamiltone("study", "plan", str(path), "--out", str(own), "seeds=[0, 1]", "--runs")
    assert "3 runs left: about" in longer.stdout
    for words, told in (
        (["study", "run", str(path), "--ship"], "give --ray ADDRESS"),
        (["study", "run", str(tmp_path / "none.toml")], "no such settings file"),
        (["study", "run", str(path), "run.threads=0"], f"{path}: study tiny: the settings that its"),
    ):
        wrong = hamiltone(*words)
        assert wrong.returncode == 2
        assert wrong.stdout == ""
        assert len(wrong.stderr.splitlines()) == 1
        assert told in wrong.stderr


@pytest.mark.parametrize(
    ("device", "given", "told"),
    [("auto", None, "1"), ("cuda", "2,3", "3"), ("cuda:1", "2,3", "2,3"), ("cpu", None, None), ("auto", "", "1")],
)
def test_runs_take_turns_on_the_gpus_that_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, given: str | None, told: str | None
) -> None:
    if given is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    job = Job("runs/a", {"device": device}, (), (), threads=1, processes=1, probe=False, command="", side_by_side=2)
    environment = LocalExecutor(tmp_path, workers=2, gpus=2)._environment(job, slot=1)
    assert environment.get("CUDA_VISIBLE_DEVICES") == told
