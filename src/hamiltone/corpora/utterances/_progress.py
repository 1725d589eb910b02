"""The type of what long work reports its progress to."""

from collections.abc import Callable

Report = Callable[[str, int, int], None]
"""Told of progress: what is being done, how many (or bytes) are done, and of how many; 0 where nobody knows."""
