"""The note on a run that has become slow, by a clock that stands in for the machine's."""

from collections.abc import Sequence

import pytest

from hamiltone.training._pace import Pace


def told(steps: Sequence[float], *, epoch: int = 0) -> list[str]:
    """What is said of steps that take so many seconds, each ``epoch`` of them after a pause of a minute."""
    now, lines = [0.0], []
    pace = Pace(lines.append, clock=lambda: now[0])
    for number, seconds in enumerate(steps):
        if epoch and number % epoch == 0:
            now[0] += 60.0
            pace.begin()
        now[0] += seconds
        pace.step()
    return lines


def test_it_is_told_once_that_steps_take_twice_as_long() -> None:
    (line,) = told([1.0] * 60 + [2.5] * 60 + [1.0] * 20 + [9.0] * 60)
    assert line.startswith("note: a step takes 2.5 s by now, and took 1 s before: is another process busy?")


@pytest.mark.parametrize(
    "steps",
    [
        [1.0] * 60 + [1.9] * 60,
        [5.0] * 20 + [1.0] * 60,  # the beginning is slow
        ([1.0] * 11 + [9.0] * 9) * 5,  # some steps only
        [0.01] * 2000 + [0.5] * 39,  # a moment
        [3.0] * 200,  # busy from the start: nothing to tell it from
    ],
    ids=["a little", "warming up", "some steps", "a moment", "always"],
)
def test_it_is_not_told_where_the_pace_is_kept(steps: Sequence[float]) -> None:
    assert told(steps) == []


def test_what_lies_between_epochs_is_no_step() -> None:
    assert told([1.0] * 100, epoch=5) == []
    assert len(told([1.0] * 40 + [2.0] * 40, epoch=5)) == 1
