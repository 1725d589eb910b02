"""Confusion matrices of the page."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_CLASSES = 24
"""With more a matrix cannot be read."""


@dataclass(frozen=True)
class ConfusionMatrix:
    """Counts of clips by true class (rows) and predicted class (columns), both in the order of ``labels``."""

    name: str
    labels: Sequence[str]
    counts: Sequence[Sequence[int]]

    @property
    def readable(self) -> bool:
        """Whether it is small enough to be shown."""
        return len(self.labels) <= MOST_CLASSES

    @property
    def rows(self) -> list[tuple[str, list[tuple[int, int]]]]:
        """For each true class the counts, and their percentages of its clips."""
        shares = [[(count, round(100 * count / max(1, sum(row)))) for count in row] for row in self.counts]
        return list(zip(self.labels, shares, strict=True))
