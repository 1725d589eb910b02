"""A training or a study that is killed at any moment ends, started again, with the same bytes as one that was not."""

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import tomli_w

from hamiltone.study import LocalExecutor, Study, run_study

from ._children import fork, hamiltone, kill_after, results, wait
from .conftest import TINY, Whole

FOR_SMALL_DATA = {
    "augmentation": {"speed": [0.9, 1.1], "time_masks": 1},
    "front": {"kind": "log-mel", "bands": 24},
    "network": {"kind": "residual", "channels": [8, 8], "stem": 4, "attention": 4},
    "training__epochs": 3,
    "training__batch": 4,
    "training__optimizer": "adamw",
    "training__weight_decay": 0.1,
    "training__schedule": "cosine",
    "training__keep": "last",
    "training__mixup": 0.3,
    "training__label_smoothing": 0.1,
    "training__balance": 0.5,
    "training__weight_average": 0.9,
    "training__clip_gradient": 1.0,
}


def train_again_and_again(whole: Whole, out: Path, kills: int, seed: int) -> int:
    """Trainings that are killed, so many times in all; each ends with the bytes of the undisturbed one."""
    chance, log = random.Random(seed), out.with_suffix(".log")
    _, file = whole.settings(out)
    killed = trainings = 0
    while True:
        moment = chance.uniform(0.0, whole.seconds / 2) if killed < kills else 1e9
        code = kill_after(fork(lambda: hamiltone("train", file), log), moment)
        if code is None:
            killed += 1
            continue
        assert code == 0, log.read_text()
        assert results(out) == whole.results
        assert not (out / "checkpoint").exists()
        trainings += 1
        if killed == kills:
            return trainings
        shutil.rmtree(out)


# The first saves its state after each step, the other one after each epoch.
@pytest.mark.parametrize(("changes", "kills"), [(TINY, 5), (FOR_SMALL_DATA, 2)])
def test_a_killed_training(
    whole_of: Callable[..., Whole], whole: Whole, changes: dict[str, Any], kills: int, tmp_path: Path
) -> None:
    one = whole if changes is TINY else whole_of(**changes)
    assert train_again_and_again(one, tmp_path / "out", kills, seed=1) >= 1


@pytest.mark.soak
def test_a_training_killed_100_times(whole: Whole, tmp_path: Path, record_property: Callable[..., None]) -> None:
    trainings = train_again_and_again(whole, tmp_path / "out", 100, seed=2)
    record_property("kills of a training", 100)
    record_property("trainings that ended with the same bytes", trainings)


class Killer:
    """A study that is killed at random moments: its own process, or first one of its runs'."""

    def __init__(self, study: Study, folder: Path, longest: float, seed: int) -> None:
        self.out, self.log = folder / "out", folder / "log"
        self.file = folder / "study.toml"
        content = study.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
        self.file.write_text(tomli_w.dumps(content), encoding="utf-8")
        self.killed = self.runs_killed = 0
        self._longest, self._chance = longest, random.Random(seed)

    def carry_out(self) -> None:
        hamiltone("study", "run", self.file, "--out", self.out, "--workers", 2)

    def kill(self) -> bool:
        """Start it once, and kill it; False where it came to its end before."""
        child = fork(self.carry_out, self.log)
        if self._chance.random() < 0.3:
            time.sleep(self._chance.uniform(0.0, self._longest))
            for run in psutil.Process(child).children()[:1]:
                run.kill()
                self.runs_killed += 1
        killed = kill_after(child, self._chance.uniform(0.0, self._longest)) is None
        self.killed += killed
        return killed

    def finish(self) -> dict[str, Any]:
        """Start it a last time: the results of its runs."""
        code = wait(fork(self.carry_out, self.log))
        assert code == 0, self.log.read_text()
        assert not list(self.out.glob("runs/*/checkpoint"))
        assert not list(self.out.glob("runs/*/.*.draft"))
        return of_runs(self.out)


def of_runs(out: Path) -> dict[str, Any]:
    return {run.name: results(run) for run in sorted(out.glob("runs/*")) if (run / "record.json").exists()}


def undisturbed(study: Study, out: Path) -> tuple[dict[str, Any], float]:
    """What the runs of a study end with, one at a time, and how long they take."""
    started = time.monotonic()
    assert run_study(study, out, LocalExecutor(out, workers=1), quiet=True).complete
    return of_runs(out), time.monotonic() - started


def killed_again_and_again(study: Study, folder: Path, kills: int, share: float) -> list[Killer]:
    """Studies that are killed, so many times in all, each with the undisturbed one's results in the end.

    One that is done before it was killed that often is followed by another: nothing is killed that only answers.
    """
    found, seconds = undisturbed(study, folder / "whole")
    assert found
    killers: list[Killer] = []
    while (left := kills - sum(killer.killed for killer in killers)) > 0:
        own = folder / f"study-{len(killers)}"
        own.mkdir()
        killer = Killer(study, own, seconds * share, seed=1 + len(killers))
        while killer.killed < min(left, 20) and killer.kill():
            pass
        assert killer.finish() == found
        killers.append(killer)
        shutil.rmtree(own)
    return killers


def test_studies_killed_five_times_end_as_one_that_was_not(study_of: Callable[..., Study], tmp_path: Path) -> None:
    killed_again_and_again(study_of(methods=["none", "S"]), tmp_path, kills=5, share=1 / 3)


@pytest.mark.soak
def test_studies_killed_100_times(
    study_of: Callable[..., Study], tmp_path: Path, record_property: Callable[..., None]
) -> None:
    killers = killed_again_and_again(study_of(methods=["none", "S", "SW"]), tmp_path, kills=100, share=1 / 5)
    record_property("kills of a study", sum(killer.killed for killer in killers))
    record_property("kills of one of its runs alone", sum(killer.runs_killed for killer in killers))
    record_property("studies that ended with the same bytes", len(killers))
