"""Pace: whether the steps of a run take much longer by now than they did before."""

import time
from collections.abc import Callable
from statistics import median

_STEPS, _SECONDS = 20, 20.0  # of a stretch whose median counts: fewer say little, as a moment's work of others does
_SLOW = 2.0


class Pace:
    """Tells once, in a line, that the median step of a stretch takes twice as long as that of the quickest one before.

    Args:
        say: takes the line.
        clock: seconds from anywhere.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._last = clock()
        self._steps: list[float] = []
        self._quickest: float | None = None
        self._told = False

    def begin(self) -> None:
        """Steps begin now: what was before them is none."""
        self._last = self._clock()

    def step(self) -> None:
        """A step is done."""
        before, self._last = self._last, self._clock()
        self._steps.append(self._last - before)
        if self._told or len(self._steps) < _STEPS or sum(self._steps) < _SECONDS:
            return
        usual, self._steps = median(self._steps), []
        if self._quickest is not None and usual >= _SLOW * self._quickest:
            self._told = True
            self._say(
                f"note: a step takes {usual:.2g} s by now, and took {self._quickest:.2g} s before: is another process "
                "busy? The run's times are no measure then; its results are the same"
            )
        self._quickest = min(usual, self._quickest or usual)
