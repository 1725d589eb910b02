"""Several processes share a run: the steps of one process, resumable, and one line for a mistake in any of them."""

import _thread
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import tomli_w
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from hamiltone import cli
from hamiltone.corpora import Utterances
from hamiltone.records import read_record
from hamiltone.training import RunSettings, SettingsError, settings_from, train
from hamiltone.training._batches import Fetched, Inputs, Part
from hamiltone.training._launching import WorkerError, run_together
from hamiltone.training._processes import Processes, ProcessesError, is_main_process, started_by_launcher

from .conftest import Make

CLI = "from hamiltone._command import main; main()"


def write(run: RunSettings, path: Path) -> Path:
    path.write_text(tomli_w.dumps(run.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    return path


# ---- the same result as one process


def test_two_processes_do_the_steps_of_one(settings_for: Make, tmp_path: Path) -> None:
    # 37 frames in batches of 9: slices of 4 and 5, and of the last batch, which has one, slices of 0 and 1.
    base = settings_for(tmp_path / "base", training__epochs=1)
    front = {"kind": "spectrogram", "scale": "decibel", "source": base.out}
    orthogonal = settings_for(tmp_path / "speaker", task="speaker", leaks="report", front=front, training__epochs=1)
    for earlier in (base, orthogonal):
        train(earlier, quiet=True)
    changes = {
        "front": front,
        "leaks": "report",
        "anti_transfer": {"orthogonal": orthogonal.out, "layers": [2]},
        "network__dropout": 0.0,
        "training__monitor": "loss",
        "training__batch": 9,
        "training__epochs": 3,
        # Adam divides gradients by their size: with this, their scale counts, and rounding of the tiniest does not.
        "training__weight_decay": 1e-3,
    }
    alone = train(settings_for(tmp_path / "alone", **changes), quiet=True)
    shared = train(settings_for(tmp_path / "shared", processes=2, **changes), quiet=True)
    assert alone.split.train.frames % 9 == 1
    for one, two in zip(alone.epochs, shared.epochs, strict=True):
        for part in ("train", "validation"):
            assert set(getattr(one, part)) >= {"loss", "cross_entropy", "anti_transfer"}
            assert getattr(two, part) == pytest.approx(getattr(one, part), abs=1e-6)
    assert len(alone.epochs) == 3
    assert alone.epochs[0].train["loss"] > alone.epochs[2].train["loss"] + 1e-4
    weights = [load_file(tmp_path / name / "model" / "model.safetensors") for name in ("alone", "shared")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, atol=1e-5, rtol=1e-4, msg=name)
    assert (alone.resources.processes, shared.resources.processes) == (1, 2)
    assert alone.run != shared.run


def test_killed_and_started_again_ends_with_the_bytes_of_another_launcher(settings_for: Make, tmp_path: Path) -> None:
    changes = {"processes": 2, "training__epochs": 3, "training__batch": 2, "training__checkpoint_seconds": 0.01}
    changes["augmentation"] = {"shift_seconds": 0.2, "snr_db": [5, 20], "frequency_masks": 1}
    whole = write(settings_for(tmp_path / "whole", **changes), tmp_path / "whole.toml")
    script = tmp_path / "script.py"
    script.write_text(CLI)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*launcher, str(script), "train", str(whole)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("all of it:") == 1
    assert done.stderr.count("done; the record is") == 1

    broken = settings_for(tmp_path / "broken", **changes)
    path = write(broken, tmp_path / "broken.toml")
    checkpoint = tmp_path / "broken" / "checkpoint"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-c", CLI, "train", str(path)], stdout=log, stderr=log)
        while process.poll() is None and not any(checkpoint.glob("state-*")):
            time.sleep(0.005)
        assert process.poll() is None, (tmp_path / "log").read_text()
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()  # its workers then end themselves
        process.wait()
    gone_by = time.monotonic() + 60
    while any(map(alive, workers)) and time.monotonic() < gone_by:
        time.sleep(0.01)
    assert len(workers) == 2
    assert not any(map(alive, workers))
    assert any(checkpoint.glob("state-*"))
    assert not (tmp_path / "broken" / "record.json").exists()
    record = train(broken, quiet=True)
    for name in ("model/model.safetensors", "predictions.csv"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert record.epochs == read_record(tmp_path / "whole").epochs
    assert not checkpoint.exists()


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_mistake_met_by_a_process_is_one_line(
    settings_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = settings_for(tmp_path / "run", processes=2, corpus={"name": "ravdess", "root": str(tmp_path / "none")})
    path = write(run, tmp_path / "run.toml")
    monkeypatch.setattr(sys, "argv", ["hamiltone", "train", str(path), "--quiet"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    out, err = capfd.readouterr()
    assert exit_.value.code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("hamiltone: ")
    assert str(tmp_path / "none") in err


# ---- slices


def part_of(frames: int) -> Part:
    rows = np.arange(frames, dtype=np.int64)

    def fetch(wanted: np.ndarray, _epoch: int) -> Fetched:
        return Fetched(torch.from_numpy(wanted).float()[:, None, None, None])

    inputs = Inputs("features", fetch)
    row = {"utterance": "a", "path": "a.wav", "speaker": "s", "emotion": "calm"}
    utterances = Utterances.from_rows([row], corpus="none", root=Path())
    owner = np.zeros(frames, dtype=np.int64)
    return Part("train", utterances, rows, owner, torch.zeros(1, dtype=torch.long), None, inputs)


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 5), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_slices_are_the_batches_of_one_process(frames: int, size: int, processes: int, skip: int) -> None:
    part = part_of(frames)
    batches = [slice_.batch.x.flatten() for slice_ in part.shuffled(size, 1, 2, skip)]
    assert [len(batch) for batch in batches] == [
        min(size, frames - first) for first in range(skip * size, frames, size)
    ]
    shares = [list(part.shuffled(size, 1, 2, skip, rank, processes)) for rank in range(processes)]
    assert {len(slices) for slices in shares} == {len(batches)}
    for number, batch in enumerate(batches):
        slices = [share[number] for share in shares]
        assert torch.cat([slice_.batch.x.flatten()[: slice_.own] for slice_ in slices]).tolist() == batch.tolist()
        assert all(len(slice_.batch.x) > 0 and len(slice_.whole) == len(batch) for slice_ in slices)
        assert max(slice_.own for slice_ in slices) - min(slice_.own for slice_ in slices) <= 1
        # The mean over processes, as gradients are averaged, is the mean over the whole batch.
        weighted = [slice_.batch.x.mean() * slice_.share * processes for slice_ in slices]
        torch.testing.assert_close(torch.stack(weighted).mean(), batch.mean())


# ---- what processes tell one another


def test_one_process_is_told_what_it_says() -> None:
    one = Processes()
    state = torch.get_rng_state()
    one.reseed(0, 1, 2)
    assert torch.equal(torch.get_rng_state(), state)
    assert one.main
    assert one.from_main(lambda: "x") == "x"
    assert one.maximum(3) == 3
    assert one.weighted_sums({"a": torch.tensor(0.1), "b": torch.tensor(2.0)}, 1.0) == {
        "a": torch.tensor(0.1).item(),
        "b": 2.0,
    }


def test_what_is_drawn_depends_on_seed_rank_epoch_and_step() -> None:
    def drawn(seed: int, rank: int, epoch: int, step: int) -> tuple[float, ...]:
        Processes(rank, 2).reseed(seed, epoch, step)
        return tuple(torch.rand(3).tolist())

    with torch.random.fork_rng():
        assert drawn(0, 1, 1, 0) == drawn(0, 1, 1, 0)
        places = [(0, 0, 1, 0), (1, 0, 1, 0), (0, 1, 1, 0), (0, 0, 2, 0), (0, 0, 1, 1), (2**63 - 1, 0, 1, 0)]
        assert len({drawn(*place) for place in places}) == len(places)


# ---- settings and launchers


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "rh-emo", "front": {}}, "batch norms"),
        ({"front": {"kind": "rh-emo", "source": "x", "trainable": True}}, "batch norms"),
        ({"training": {"batch": 1}}, "more than training.batch, 1, has frames"),
    ],
)
def test_what_cannot_be_shared_is_refused(changes: dict, said: str) -> None:
    content = {"name": "x", "out": "x", "corpus": {"name": "synthetic"}, "front": {"kind": "spectrogram"}, **changes}
    settings_from(content, where="test")
    with pytest.raises(SettingsError, match=said):
        settings_from({**content, "processes": 2}, where="test")


def test_a_launcher_of_another_number_is_refused(
    settings_for: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    for processes in (1, 2):
        with pytest.raises(ProcessesError, match=f"started 3 processes .* processes={processes}; give processes=3"):
            train(settings_for(tmp_path / "run", processes=processes), quiet=True)
    with pytest.raises(ProcessesError, match="RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT is not set"):
        train(settings_for(tmp_path / "run", processes=3), quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_launcher_is_known_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not started_by_launcher(2)
    assert is_main_process()
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert started_by_launcher(1)
    place = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "here", "MASTER_PORT": "1"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    assert started_by_launcher(2)
    assert not is_main_process()


# ---- starting and ending workers (small scripts in their place)

SLEEP = "import time; time.sleep(60)"
FAIL = """
import json, os, sys
rank, folder = os.environ["RANK"], sys.argv[1]
def leave(code, **why):
    open(f"{folder}/failure-{rank}.json", "w").write(json.dumps(why))
    sys.exit(code)
"""


def together(tmp_path: Path, script: str, count: int = 2) -> None:
    command = [sys.executable, "-S", "-c", script, str(tmp_path)]
    run_together(command, [{"RANK": str(rank)} for rank in range(count)], tmp_path)


@pytest.fixture
def _no_worker_stays() -> Iterator[None]:
    """No process that the test began outlives it (other tests may have left a tracker of shared memory, say)."""
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before


def test_each_worker_gets_its_place(tmp_path: Path) -> None:
    together(tmp_path, "import os, sys; open(f'{sys.argv[1]}/' + os.environ['RANK'], 'w')", count=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"]


def test_a_mistake_counts_before_what_it_brings_about(tmp_path: Path) -> None:
    script = (
        FAIL
        + """
if rank == "1":
    leave(2, mistake="no such corpus")
while not os.path.exists(f"{folder}/failure-1.json"):
    pass
leave(1, traceback="connection lost")
"""
    )
    with pytest.raises(WorkerError, match=r"^no such corpus$"):
        together(tmp_path, script)


@pytest.mark.usefixtures("_no_worker_stays")
def test_the_others_are_ended_with_the_one_that_fails(tmp_path: Path) -> None:
    script = FAIL + f"if rank == '1': leave(2, mistake='no such corpus')\n{SLEEP}"
    with pytest.raises(WorkerError, match="no such corpus"):
        together(tmp_path, script)


def test_a_killed_worker_is_told(tmp_path: Path) -> None:
    script = f"import os\nif os.environ['RANK'] == '1': os.kill(os.getpid(), 9)\n{SLEEP}"
    with pytest.raises(WorkerError, match=r"process 1 of 2 was killed \(SIGKILL\).*goes on from the last checkpoint"):
        together(tmp_path, script)


def test_a_defect_keeps_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)process 0 of 1 failed with exit code 1.*ZeroDivisionError"):
        together(tmp_path, FAIL + "leave(1, traceback='Traceback: ZeroDivisionError')", count=1)


@pytest.mark.usefixtures("_no_worker_stays")
def test_an_interruption_ends_all_workers(tmp_path: Path) -> None:
    script = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{SLEEP}"
    timer = threading.Timer(0.3, _thread.interrupt_main)
    inherited = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # ignored where a shell runs the tests behind it
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            together(tmp_path, script)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, inherited)
