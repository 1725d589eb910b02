"""Places that may be written, seen before anything is computed for them."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from hamiltone.errors import system_reason

from ._errors import ServiceError


def check_place(path: Path, *, named: Path | None = None) -> None:
    """See that a file or a folder may be made there.

    Args:
        path: the file or folder.
        named: what it is called where it cannot be made, if not so.

    Raises:
        ServiceError: a folder above it may not be written, or is a file.
    """
    named = named or path
    place = next((folder for folder in path.absolute().parents if file_mode(folder)), None)
    if place is None:
        raise ServiceError(f"{named}: there is no folder for it; name a file in one")
    if not stat.S_ISDIR(file_mode(place)):
        raise ServiceError(f"{place}: is a file, so that {named} cannot be written")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ServiceError(f"{place}: may not be written; name another place than {named}")


def file_mode(path: Path) -> int:
    """The mode of what is there, links followed; 0 of nothing, and of what lies in a folder that may not be entered.

    Raises:
        ServiceError: nothing can be there.
    """
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return 0
    except (OSError, ValueError) as error:  # too long, a ring of links, or no possible name
        raise ServiceError(f"{path}: is no place for a file: {system_reason(error)}") from None


def check_not_read(written: Iterable[Path], read: Iterable[Path]) -> None:
    """See that what is written is none of the files that are read.

    Raises:
        ServiceError: one of them is.
    """
    there = {_file(path) for path in read}  # once, since both may be many
    for path in written:
        if (found := _file(path)) is not None and found in there:
            raise ServiceError(f"{path}: is one of the files that are read, and would be lost; name another place")


def _file(path: Path) -> tuple[int, int] | None:
    """What tells one file from all others, whatever it is called; None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None
    return found.st_dev, found.st_ino
