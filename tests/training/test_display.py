"""What a training tells a log file: a line an epoch, and one where nothing was said for long."""

import pytest

from hamiltone.training import _display
from hamiltone.training._display import TrainingDisplay


def test_a_log_file_is_told_how_far_the_work_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(_display.time, "monotonic", lambda: now[0])
    with TrainingDisplay("seed-1") as display:
        for done, seconds in enumerate((5, 10, 10, 10, 12)):
            now[0] += seconds
            display.report("reading recordings", done, 900)
        display.epoch(1, 500, 40, 0)
        for _ in range(4):
            now[0] += 9
            display.step()
        values = {"loss": 1.0}
        display.epoch_done({"epoch": 1, "train": values, "validation": values}, 1)
    assert capsys.readouterr().err.splitlines() == [
        "seed-1: reading recordings: 2 of 900",
        "seed-1: reading recordings: 4 of 900",
        "seed-1: epoch 1/500: 3 of 40",
        "seed-1: epoch 1: train loss 1.0000 | validation loss 1.0000 *",
    ]


def test_quiet_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(_display.time, "monotonic", iter(range(0, 10_000, 100)).__next__)
    with TrainingDisplay("seed-1", quiet=True) as display:
        display.report("reading recordings", 1, 900)
    assert capsys.readouterr().err == ""
