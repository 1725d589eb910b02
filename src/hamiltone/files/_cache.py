"""Cache folder for what can be made again, and locks between processes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from ._atomic import remove_leftovers


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
def locked(path: Path, say: Callable[[str], None] = lambda _line: None) -> Iterator[None]:
    """Hold the lock that belongs to ``path`` (a file beside it); other processes wait, and a killed holder lets go.

    Args:
        path: a file or folder that is written under this lock alone; what a killed writer has left of it is removed.
        say: told when another process has to be waited for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_name(f".{path.name}.lock")
    try:
        file.touch()  # where no file can be made, this says so: the lock would wait for another process for ever
    except PermissionError:
        if not os.access(path.parent, os.W_OK):
            raise  # else Windows is about to remove the file of a lock that was let go, for which the lock waits
    lock = FileLock(file)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        say(f"another process is at work on {path}: waiting for it")
        lock.acquire()
    try:
        remove_leftovers(path)
        yield
    finally:
        lock.release()
