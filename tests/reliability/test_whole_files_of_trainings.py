"""A training on a disk that is full, failing or taken away ends in one line, and goes on when there is one again."""

import errno
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hamiltone.files import cache_folder
from hamiltone.networks import vgg
from hamiltone.training._checkpoint import Checkpoint
from hamiltone.training._stored_targets import stored_targets

from ._children import but_for_the_place, fork, hamiltone, results, wait
from ._faults import Faults, failing, flip
from .conftest import Whole


def train_and_after_saves(file: Path, saves: int, then: Callable[[], object], *more: str) -> None:
    """Train, and do something when a state was saved so often."""
    save, count = Checkpoint.save, iter(range(1, 1_000_000))

    def counted(self: Checkpoint, *arguments: Any) -> None:
        save(self, *arguments)
        if next(count) == saves:
            then()

    pytest.MonkeyPatch().setattr(Checkpoint, "save", counted)  # in a child
    hamiltone("train", file, *more, "--quiet")


def ends_in_a_line(child: int, log: Path, *parts: str) -> None:
    """It ends with exit code 2 and one line that has these parts."""
    code, said = wait(child), log.read_text(encoding="utf-8")
    assert (code, said.count("\n")) == (2, 1), said
    assert said.startswith("hamiltone: ")
    for part in parts:
        assert part in said, said


def goes_on(whole: Whole, file: Path, out: Path, log: Path) -> None:
    """The same command ends with the bytes of a run that nothing disturbed."""
    assert wait(fork(lambda: hamiltone("train", file), log)) == 0, log.read_text(encoding="utf-8")
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
    folder.mkdir(exist_ok=True)
    out, log = folder / "disk" / "out", folder / "log"
    file = whole.settings(folder / "out")[1]
    with disk(kibibytes, folder / "disk") as mount_again:
        child = fork(lambda: hamiltone("train", file, f"out={out}", "--quiet"), log)
        code, said = wait(child), log.read_text(encoding="utf-8")
        if code:
            assert (code, said.count("\n")) == (2, 1), said
            assert said.startswith(f"hamiltone: {folder / 'disk'}"), said
            assert "No space left on device" in said
            mount_again("size=1g")
            file = whole.settings(folder / "out")[1]
            assert wait(fork(lambda: hamiltone("train", file, f"out={out}"), log)) == 0, log.read_text(encoding="utf-8")
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
        assert wait(fork(lambda: hamiltone("train", file), log)) == 0, log.read_text(encoding="utf-8")
        again = results(out)
    assert but_for_the_place(again) == but_for_the_place(whole.results)


def test_targets_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file was mapped, the process was killed by the full disk."""
    features, network = (
        np.ones((40, 1, 64, 64), np.float32),
        vgg(11, hidden=16, pool="mean", input_shape=(1, 64, 64)).eval(),
    )

    def compute() -> None:
        everything = {"others": (), "device": torch.device("cpu"), "report": lambda *_: None}
        with pytest.raises(OSError, match="No space left on device") as failure:
            stored_targets(features, "a key", network, [1], **everything)
        assert failure.value.filename.startswith(str(tmp_path / "cache"))

    with disk(100, tmp_path / "cache"):
        monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path / "cache"))
        log = tmp_path / "log"
        assert wait(fork(compute, log)) == 0, log.read_text(encoding="utf-8")


def test_a_folder_that_may_only_be_read(whole: Whole, tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "disk" / "out"
    file = whole.settings(tmp_path / "out")[1]
    with disk(1 << 20, tmp_path / "disk") as mount_again:
        mount_again("ro")
        child = fork(lambda: hamiltone("train", file, f"out={out}", "--quiet"), log)
        ends_in_a_line(child, log, str(tmp_path / "disk"), "may not be written")
        mount_again("rw")
        assert wait(fork(lambda: hamiltone("train", file, f"out={out}"), log)) == 0, log.read_text(encoding="utf-8")
        assert results(out) == whole.results
        mount_again("ro")
        child = fork(lambda: hamiltone("train", file, f"out={out}"), log)
        assert wait(child) == 0, "a run that is finished is not written again: " + log.read_text(encoding="utf-8")


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
        assert wait(fork(lambda: hamiltone("train", file, f"out={out}"), log)) == 0, log.read_text(encoding="utf-8")
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

    assert wait(fork(count, log)) == 0, log.read_text(encoding="utf-8")
    total, ended = int(counted.read_text()), 0
    for number in numbers(total):
        out = folder / f"out-{number}"
        file = whole.settings(out)[1]
        child = fork(partial(train_with_faults, file, number, errno.EIO, out), log)
        code, said = wait(child), log.read_text(encoding="utf-8")
        if code:  # some do without: a folder that is there already, a leftover that stays
            assert (code, said.count("\n")) == (2, 1), said
            assert said.startswith(f"hamiltone: {out}") and "Input/output error" in said
            ended += 1
        goes_on(whole, file, out, log)
        shutil.rmtree(out)
    return total, ended


def test_a_training_whose_disk_fails(whole: Whole, tmp_path: Path) -> None:
    total, ended = refused_trainings(whole, tmp_path, lambda total: random.Random(0).sample(range(1, total + 1), 2))
    assert total > 50
    assert ended


@pytest.mark.soak
def test_a_training_whose_disk_fails_at_every_operation(whole: Whole, tmp_path: Path, record_property) -> None:
    total, ended = refused_trainings(whole, tmp_path, lambda total: list(range(1, total + 1, 3)))
    record_property("operations of a training on its folder", total)
    record_property("trainings in which one of them failed (EIO), each third in turn", len(range(1, total + 1, 3)))
    record_property("of these ended by a line, until the same command went on", ended)


def test_a_training_whose_last_state_is_damaged_ends_the_same(whole: Whole, tmp_path: Path) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    _, file = whole.settings(out)
    assert wait(fork(lambda: train_and_after_saves(file, 4, lambda: os.kill(os.getpid(), 9)), log)) == -9
    last = max((out / "checkpoint").glob("state-*"))
    flip(last, random.Random(1))
    assert wait(fork(lambda: hamiltone("train", file), log)) == 0, log.read_text(encoding="utf-8")
    assert f"{last}: is damaged; the state before it is taken" in log.read_text(encoding="utf-8")
    assert results(out) == whole.results
