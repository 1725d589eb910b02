"""Result of a benchmark: tables of ratios, the targets beside them, and where it was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hamiltone.errors import HamiltoneError


class BenchmarkError(HamiltoneError):
    """A benchmark that cannot be run as asked."""


@dataclass(frozen=True)
class Target:
    """A ratio that is aimed at.

    Attributes:
        what: the ratio, in words.
        value: as measured.
        bound: what it should keep.
        side: whether the bound is the least or the most.
    """

    what: str
    value: float
    bound: float
    side: Literal["at least", "at most"]

    @property
    def met(self) -> bool:
        """Whether the measured ratio keeps the bound."""
        return self.value >= self.bound if self.side == "at least" else self.value <= self.bound


@dataclass(frozen=True)
class Row:
    """A line of a table: its name, one number per column (None where there is none)."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Table:
    """Some measurements that belong together.

    Attributes:
        key: a letter of ``TABLES``, and where there are several tables of one letter what sets them apart.
        title: what the numbers are.
        columns: their names; those that end in "ms" or "MiB" are no ratios.
        rows: the lines.
        targets: ratios with bounds.
    """

    key: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    targets: Sequence[Target] = ()


@dataclass(frozen=True)
class BenchmarkResult:
    """Tables, and the machine and the versions that they hold for (JSON-able)."""

    machine: dict[str, Any]
    tables: Sequence[Table]
