"""Studies: many runs that rest on one another."""

from ._quickstart import run_quickstart

__all__ = ["run_quickstart"]
