"""Checkpoints: whatever refuses, breaks or kills, files are whole, and what was saved before is found again."""

import errno
import os
import random
import re
import resource
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hamiltone.files import atomic_path, rows_file
from hamiltone.training._checkpoint import Checkpoint, CheckpointError, Progress

from ._children import fork, wait
from ._faults import Faults, dying, failing, flip, with_calls


class Saved:
    """A tiny network whose checkpoint stands at some step, and what it holds after each."""

    def __init__(self, folder: Path, steps: int) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2))
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.01)
        self.checkpoint = Checkpoint(folder, "one")
        self.states: dict[int, dict[str, torch.Tensor]] = {}
        for step in range(1, steps + 1):
            self.go_on(step)

    def go_on(self, step: int) -> None:
        self.network(torch.randn(5, 3, 4, 4)).square().sum().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.states[step] = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.save(step)

    def save(self, step: int) -> None:
        self.checkpoint.save_best(self.network, step)
        self.checkpoint.save(self.network, self.optimizer, Progress(epoch=step, best_epoch=step))

    def found(self, folder: Path, said: list[str] | None = None) -> int:
        """The step whose state lies in a folder, whole, with its best weights."""
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2))
        checkpoint = Checkpoint(folder, "one", say=(said if said is not None else []).append)
        assert checkpoint.owner() == "one"
        progress = checkpoint.restore(network, torch.optim.Adam(network.parameters()))
        assert progress is not None
        for _ in ("last", "best"):
            for name, value in network.state_dict().items():
                assert torch.equal(value, self.states[progress.epoch][name])
            checkpoint.load_best(network, progress.best_epoch)
        return progress.epoch


def save_with_faults(saved: Saved, folder: Path, meet: Callable[[int, str, Path], None]) -> int:
    """Save a third state in a folder where operations are met; gives how many there were."""
    saved.checkpoint = Checkpoint(folder, "one")
    saved.checkpoint.restore(saved.network, saved.optimizer)
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(folder, meet, patch)
        saved.go_on(3)
    return faults.count


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    return Saved(tmp_path / "two", steps=2)


def operations(saved: Saved, tmp_path: Path) -> list[tuple[str, Path]]:
    """All that saving a state does, in order."""
    trace: list[tuple[str, Path]] = []
    folder = shutil.copytree(tmp_path / "two", tmp_path / "traced")
    save_with_faults(saved, folder, lambda _number, name, path: trace.append((name, path)))
    return trace


def test_written_then_synced_then_renamed_then_the_folder_synced(saved: Saved, tmp_path: Path) -> None:
    folder, trace = tmp_path / "traced", operations(saved, tmp_path)
    moments = [number for number, (name, _) in enumerate(trace) if name == "replace"]
    assert len(moments) == 2  # of the best weights, then of the state that names them
    for moment in moments:
        draft = trace[moment][1]
        last_write = max(number for number, one in enumerate(trace) if one == ("write half of", draft))
        synced = trace.index(("fsync", draft))
        folder_synced = trace.index(("fsync", folder), moment)
        assert last_write < synced < moment < folder_synced
    removed = [number for number, (name, path) in enumerate(trace) if name == "unlink" and path.suffix != ".draft"]
    assert removed and min(removed) > trace.index(
        ("fsync", folder), moments[-1]
    )  # the old is kept till the new is safe


def test_killed_at_every_operation_of_saving(saved: Saved, tmp_path: Path, record_property) -> None:
    ends = []
    for number in range(1, len(operations(saved, tmp_path)) + 1):
        folder = shutil.copytree(tmp_path / "two", tmp_path / f"killed-{number}")
        child = fork(partial(save_with_faults, saved, folder, dying(number)), tmp_path / "log")
        assert wait(child) == -signal.SIGKILL, (tmp_path / "log").read_text(encoding="utf-8")
        ends.append(saved.found(folder))
    assert sorted(set(ends)) == [2, 3]
    assert ends == sorted(ends)  # once it is in place it stays
    record_property("fault points of saving a checkpoint: kills", len(ends))


def saving(saved: Saved, folder: Path) -> None:
    """Save a third state, once whoever watches the system calls says so."""
    saved.checkpoint = Checkpoint(folder, "one")
    saved.checkpoint.restore(saved.network, saved.optimizer)
    os.kill(os.getpid(), signal.SIGSTOP)
    saved.go_on(3)
    os._exit(0)  # the test's own end writes, too


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("strace") is None, reason="there is no strace")
@pytest.mark.parametrize("fault", ["signal=KILL", "error=EIO", "error=ENOSPC"])
def test_every_system_call_of_saving(saved: Saved, tmp_path: Path, fault: str, record_property) -> None:
    """What the library for tensors does, too, which no patch of ours sees."""
    operations(saved, tmp_path)  # what the third state must be
    trace, folder = tmp_path / "trace", shutil.copytree(tmp_path / "two", tmp_path / "all")
    assert with_calls(fork(partial(saving, saved, folder), tmp_path / "log"), trace, "") == 0
    calls = Counter(re.findall(r"^(\w+)\(", trace.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"write", "fsync"} < set(calls)
    ends = []
    for name, times in calls.items():
        for number in range(1, times + 1):
            folder = shutil.copytree(tmp_path / "two", tmp_path / f"{name}-{number}")
            child = fork(partial(saving, saved, folder), tmp_path / "log")
            code = with_calls(child, trace, f"{name}:{fault}:when={number}")
            assert code == (-signal.SIGKILL if "KILL" in fault else code)
            ends.append(saved.found(folder))
    assert sorted(set(ends)) == [2, 3]
    record_property(f"system calls of saving a checkpoint, each with {fault}", len(ends))


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize("always", [False, True])
def test_refused_at_every_operation_of_saving(saved: Saved, tmp_path: Path, code: int, always: bool) -> None:
    ends = []
    for number, (name, path) in enumerate(operations(saved, tmp_path), 1):
        folder = shutil.copytree(tmp_path / "two", tmp_path / f"refused-{number}")
        try:
            save_with_faults(saved, folder, failing(number, code, always=always))
        except OSError as error:
            assert error.errno == code
            assert error.filename.startswith(str(folder))
            assert not error.filename.endswith(".draft")
        else:
            # A folder that is there already, or that cannot be synced, as on some systems.
            assert name == "mkdir" or (code == errno.EACCES and path == tmp_path / "traced")
        ends.append(saved.found(folder))
    assert sorted(set(ends)) == [2, 3]


def test_a_damaged_state_is_named_and_the_one_before_it_taken(saved: Saved, tmp_path: Path) -> None:
    last = max((tmp_path / "two").glob("state-*"))
    content = last.read_bytes()
    for damage in (b"", content[:7], content[:100], content[: len(content) // 2], content[:-1], content + b"0"):
        last.write_bytes(damage)
        said: list[str] = []
        assert saved.found(tmp_path / "two", said) == 1
        assert said == [f"{last}: is damaged; the state before it is taken"]
    (tmp_path / "two" / "best-000001.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"best-000001.safetensors: is missing, and no state.*; remove .* anew"):
        saved.found(tmp_path / "two")


def flip_bits(saved: Saved, folder: Path, times: int) -> int:
    """Turn one bit over, so often; gives how often the damage was told. Nothing but what was saved is found."""
    chance, told = random.Random(0), 0
    for _ in range(times):
        path = chance.choice(sorted(folder.glob("*-000002*")))
        was, said = flip(path, chance), []
        assert saved.found(folder, said) == (1 if said else 2)
        told += bool(said)
        path.write_bytes(was)
    return told


def test_a_bit_that_turned_is_found(saved: Saved, tmp_path: Path) -> None:
    assert flip_bits(saved, tmp_path / "two", 100) > 90  # of the others, most are in padding


@pytest.mark.soak
def test_bits_that_turned_are_found(saved: Saved, tmp_path: Path, record_property) -> None:
    told = flip_bits(saved, tmp_path / "two", 5000)
    record_property("checkpoints with one bit turned over", 5000)
    record_property("of these told as damaged (the others give the same state)", told)


def test_a_writer_is_limited_in_what_it_may_write(tmp_path: Path) -> None:
    """Without a disk of its own: the system's limit of a file's size."""
    log = tmp_path / "log"

    def write() -> None:
        Saved(tmp_path / "two", steps=1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        with pytest.raises(OSError, match="File too large") as failure:
            Saved(tmp_path / "two", steps=1)
        assert failure.value.filename == str(tmp_path / "two" / "best-000001.safetensors")
        with (
            pytest.raises(OSError, match="File too large") as failure,
            atomic_path(tmp_path / "rows.npy") as draft,
            rows_file(draft, (1000,), np.float32) as file,
        ):
            file.write(b"0" * 4000)
        assert failure.value.filename == str(tmp_path / "rows.npy")

    assert wait(fork(write, log)) == 0, log.read_text(encoding="utf-8")
    assert Saved(tmp_path / "other", steps=1).found(tmp_path / "two") == 1
    assert not list(tmp_path.rglob("*.draft"))
