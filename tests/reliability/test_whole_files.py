"""Nothing is half-written: whatever refuses or breaks, files are whole, and what was saved before is found again."""

import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hamiltone.files import atomic_path, cache_folder, rows_file
from hamiltone.networks import VGG
from hamiltone.training._checkpoint import Checkpoint, CheckpointError, Progress
from hamiltone.training._stored_targets import stored_targets

from ._children import fork, hamiltone, results, wait
from ._faults import Faults, dying, failing
from .conftest import Whole


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
        checkpoint = Checkpoint(folder, "one", (said if said is not None else []).append)
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
        assert wait(child) == -signal.SIGKILL, (tmp_path / "log").read_text()
        ends.append(saved.found(folder))
    assert sorted(set(ends)) == [2, 3]
    assert ends == sorted(ends)  # once it is in place it stays
    record_property("fault points of saving a checkpoint: kills", len(ends))


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize("always", [False, True])
def test_refused_at_every_operation_of_saving(saved: Saved, tmp_path: Path, code: int, always: bool) -> None:
    ends = []
    for number in range(1, len(operations(saved, tmp_path)) + 1):
        folder = shutil.copytree(tmp_path / "two", tmp_path / f"refused-{number}")
        try:
            save_with_faults(saved, folder, failing(number, code, always=always))
        except OSError as error:
            assert error.errno == code
            assert error.filename.startswith(str(folder))
            assert not error.filename.endswith(".draft")
        else:
            assert code == errno.EACCES  # folders that cannot be synced, as on some systems
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


def flip(path: Path, chance: random.Random) -> bytes:
    """Turn one bit of a file over; gives what it was."""
    was = path.read_bytes()
    place = chance.randrange(len(was))
    path.write_bytes(was[:place] + bytes([was[place] ^ 1 << chance.randrange(8)]) + was[place + 1 :])
    return was


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


def test_a_training_whose_last_state_is_damaged_ends_the_same(whole: Whole, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    _, file = whole.settings(out)
    assert wait(fork(lambda: train_and_after_saves(file, 4, lambda: os.kill(os.getpid(), 9)), log)) == -9
    last = max((out / "checkpoint").glob("state-*"))
    flip(last, random.Random(1))
    assert wait(fork(lambda: hamiltone("train", file), log)) == 0, log.read_text()
    assert f"{last}: is damaged; the state before it is taken" in log.read_text()
    assert results(out) == whole.results


def train_and_after_saves(file: Path, saves: int, then: Callable[[], object], *more: str) -> None:
    """Train, and do something when a state was saved so often."""
    save, count = Checkpoint.save, iter(range(1, 1_000_000))

    def counted(self: Checkpoint, *arguments: object) -> None:
        save(self, *arguments)  # pyright: ignore[reportArgumentType]
        if next(count) == saves:
            then()

    Checkpoint.save = counted  # in a child
    hamiltone("train", file, *more, "--quiet")


def ends_in_a_line(child: int, log: Path, *parts: str) -> None:
    """It ends with exit code 2 and one line that has these parts."""
    code, said = wait(child), log.read_text()
    assert (code, said.count("\n")) == (2, 1), said
    assert said.startswith("hamiltone: ")
    for part in parts:
        assert part in said, said


def goes_on(whole: Whole, file: Path, out: Path, log: Path) -> None:
    """The same command ends with the bytes of a run that nothing disturbed."""
    assert wait(fork(lambda: hamiltone("train", file), log)) == 0, log.read_text()
    assert results(out) == whole.results
    assert not [path for path in out.rglob(".*") if path.suffix == ".draft"]


@contextmanager
def disk(kibibytes: int, folder: Path) -> Iterator[Callable[[str], None]]:
    """A small disk of its own at a folder; what is given mounts it with other options."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "hamiltone-test", str(folder)]
    try:
        made = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no program mount")
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True) and None
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def train_on_a_full_disk(whole: Whole, folder: Path, kibibytes: int) -> bool:
    """Train where there is little room, then again with enough; whether it was too little at first."""
    out, log = folder / "disk" / "out", folder / "log"
    file = whole.settings(folder / "out")[1]
    with disk(kibibytes, folder / "disk") as mount_again:
        child = fork(lambda: hamiltone("train", file, f"out={out}", "--quiet"), log)
        code, said = wait(child), log.read_text()
        if code:
            assert (code, said.count("\n")) == (2, 1), said
            assert said.startswith(f"hamiltone: {folder / 'disk'}"), said
            assert "No space left on device" in said
            mount_again("size=1g")
            file = whole.settings(folder / "out")[1]
            assert wait(fork(lambda: hamiltone("train", file, f"out={out}"), log)) == 0, log.read_text()
        assert results(out) == whole.results
    return bool(code)


def size_of(whole: Whole) -> int:
    """The kibibytes of the weights."""
    return len(whole.results["model/model.safetensors"]) >> 10


@pytest.mark.parametrize("times", [2.5, 6.0])  # the first state does not fit; the first fits, with the best weights
def test_a_training_on_a_full_disk(whole: Whole, tmp_path: Path, times: float) -> None:
    assert train_on_a_full_disk(whole, tmp_path, int(times * size_of(whole)))


@pytest.mark.soak
def test_trainings_on_disks_of_all_sizes(whole: Whole, tmp_path: Path, record_property) -> None:
    sizes = range(16, 14 * size_of(whole), size_of(whole) // 3)
    full = sum(train_on_a_full_disk(whole, tmp_path / str(size), size) for size in sizes)
    record_property("sizes of a disk that a training was started on", len(sizes))
    record_property("of these too small, until more room was made", full)
    assert 0 < full < len(sizes)


@pytest.mark.parametrize("kibibytes", [1000, 12_000])  # no room for the frames; for them, not for their spectrograms
def test_a_cache_on_a_full_disk(whole: Whole, tmp_path: Path, kibibytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    out, log, cache = tmp_path / "out", tmp_path / "log", tmp_path / "cache"
    file = whole.settings(out)[1]
    with disk(kibibytes, cache) as mount_again:
        (cache / "synthetic").symlink_to(cache_folder("synthetic"))
        monkeypatch.setenv("HAMILTONE_CACHE", str(cache))
        child = fork(lambda: hamiltone("train", file, "--quiet"), log)
        ends_in_a_line(child, log, str(cache), "No space left on device")
        assert not list(cache.glob("*/.*.draft"))
        mount_again("size=1g")
        goes_on(whole, file, out, log)


def test_targets_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file was mapped, the process was killed by the full disk."""
    features, network = np.ones((40, 1, 512, 128), np.float32), VGG(1, 2, depth=11, width=1 / 32, hidden=16).eval()

    def compute() -> None:
        everything = {"others": (), "device": torch.device("cpu"), "report": lambda *_: None}
        with pytest.raises(OSError, match="No space left on device") as failure:
            stored_targets(features, "a key", network, [1], **everything)
        assert failure.value.filename.startswith(str(tmp_path / "cache"))

    with disk(100, tmp_path / "cache"):
        monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path / "cache"))
        log = tmp_path / "log"
        assert wait(fork(compute, log)) == 0, log.read_text()


def test_a_folder_that_may_only_be_read(whole: Whole, tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "disk" / "out"
    file = whole.settings(tmp_path / "out")[1]
    with disk(1 << 20, tmp_path / "disk") as mount_again:
        mount_again("ro")
        child = fork(lambda: hamiltone("train", file, f"out={out}", "--quiet"), log)
        ends_in_a_line(child, log, str(tmp_path / "disk"), "Read-only file system")
        mount_again("rw")
        child = fork(lambda: train_and_after_saves(file, 2, lambda: mount_again("ro"), f"out={out}"), log)
        ends_in_a_line(child, log, str(out), "Read-only file system")
        mount_again("rw")
        assert wait(fork(lambda: hamiltone("train", file, f"out={out}"), log)) == 0, log.read_text()
        assert results(out) == whole.results


def test_a_permission_that_is_lost(whole: Whole, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)  # those above pytest's folders are for their owner alone
        out = Path(name) / "out"
        file = whole.settings(tmp_path / "out")[1]

        def lose() -> None:
            (out / "checkpoint").chmod(0o555)
            if os.geteuid() == 0:  # root ignores modes
                os.seteuid(65534)

        child = fork(lambda: train_and_after_saves(file, 2, lose, f"out={out}"), log)
        ends_in_a_line(child, log, f"{out}/checkpoint/", "Permission denied")
        (out / "checkpoint").chmod(0o755)
        assert wait(fork(lambda: hamiltone("train", file, f"out={out}"), log)) == 0, log.read_text()
        assert results(out) == whole.results


def test_a_folder_that_vanishes(whole: Whole, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    file = whole.settings(out)[1]
    child = fork(lambda: train_and_after_saves(file, 2, lambda: shutil.rmtree(out)), log)
    ends_in_a_line(child, log, f"{out}/checkpoint/", "is gone; do not remove a run's folder while it is trained")
    goes_on(whole, file, out, log)


def train_with_faults(file: Path, number: int, code: int, below: Path) -> None:
    Faults(below, failing(number, code), pytest.MonkeyPatch())
    hamiltone("train", file, "--quiet")


def refused_trainings(whole: Whole, folder: Path, numbers: Callable[[int], list[int]]) -> tuple[int, int]:
    """Trainings in which one operation fails (EIO); how many operations there are, and how many trainings ended."""
    counted, log = folder / "counted", folder / "log"
    file = whole.settings(folder / "whole")[1]

    def count() -> None:
        faults = Faults(folder / "whole", lambda *_: None, pytest.MonkeyPatch())
        try:
            hamiltone("train", file, "--quiet")
        finally:
            counted.write_text(str(faults.count))

    assert wait(fork(count, log)) == 0, log.read_text()
    total, ended = int(counted.read_text()), 0
    for number in numbers(total):
        out = folder / f"out-{number}"
        file = whole.settings(out)[1]
        child = fork(partial(train_with_faults, file, number, errno.EIO, out), log)
        code, said = wait(child), log.read_text()
        if code:  # some do without: a folder that is there already, a leftover that stays
            assert (code, said.count("\n")) == (2, 1), said
            assert said.startswith(f"hamiltone: {out}") and "Input/output error" in said
            ended += 1
        goes_on(whole, file, out, log)
        shutil.rmtree(out)
    return total, ended


def test_a_training_whose_disk_fails(whole: Whole, tmp_path: Path) -> None:
    total, ended = refused_trainings(whole, tmp_path, lambda total: random.Random(0).sample(range(1, total + 1), 3))
    assert total > 50
    assert ended


@pytest.mark.soak
def test_a_training_whose_disk_fails_at_every_operation(whole: Whole, tmp_path: Path, record_property) -> None:
    total, ended = refused_trainings(whole, tmp_path, lambda total: list(range(1, total + 1, 3)))
    record_property("operations of a training on its folder", total)
    record_property("trainings in which one of them failed (EIO), each third in turn", len(range(1, total + 1, 3)))
    record_property("of these ended by a line, until the same command went on", ended)


def test_a_writer_is_limited_in_what_it_may_write(tmp_path: Path) -> None:
    """Without a disk of its own: the system's limit of a file's size."""
    log = tmp_path / "log"

    def write() -> None:
        Saved(tmp_path / "two", steps=1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
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

    assert wait(fork(write, log)) == 0, log.read_text()
    assert Saved(tmp_path / "other", steps=1).found(tmp_path / "two") == 1
    assert not list(tmp_path.rglob("*.draft"))
