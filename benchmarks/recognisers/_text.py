"""Numbers as the page of the comparison tells them."""

from hamiltone.measures import Interval


def interval_text(interval: Interval, sign: str = "") -> str:
    """With three digits; the value alone where an interval is not estimable."""
    value = f"{interval.estimate:{sign}.3f}"
    return value if interval.low is None else f"{value} [{interval.low:{sign}.3f}, {interval.high:{sign}.3f}]"
