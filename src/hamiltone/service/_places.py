"""Places that may be written, seen before anything is computed for them."""

import os
from collections.abc import Iterable
from pathlib import Path

from ._errors import ServiceError


def check_place(path: Path) -> None:
    """See that a file or a folder may be made there.

    Raises:
        ServiceError: a folder above it may not be written, or is a file.
    """
    place = next(folder for folder in path.absolute().parents if folder.exists())
    if not place.is_dir():
        raise ServiceError(f"{place}: is a file, so that {path} cannot be written")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ServiceError(f"{place}: may not be written; name another place than {path}")


def check_not_read(path: Path, read: Iterable[Path]) -> None:
    """See that what is written is none of the files that are read.

    Raises:
        ServiceError: it is one of them.
    """
    if path.exists() and any(path.samefile(file) for file in read if os.path.exists(file)):  # noqa: PTH110 - Path.exists raises
        raise ServiceError(f"{path}: is one of the files that are read, and would be lost; name another place")
