"""Cache folder for what can be made again, and locks between processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path


def cache_folder(*names: str) -> Path:
    """The folder for what can be made again: ``$HAMILTONE_CACHE``, or else the user's cache folder.

    Args:
        names: folders below it; the whole path is created.
    """
    chosen = os.environ.get("HAMILTONE_CACHE")
    folder = (Path(chosen).expanduser() if chosen else user_cache_path("hamiltone")).joinpath(*names)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that belongs to ``path`` (a file beside it); other processes wait, and a killed holder lets go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        yield
