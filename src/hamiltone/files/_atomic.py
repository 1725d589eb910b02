"""Atomic writes: files and folders that appear whole or not at all.

Everything is first written beside its destination, flushed to the disk, and then renamed: a reader sees no half of it,
and a process killed in between leaves only a hidden leftover that nothing reads. A file takes an older one's place in
one step; a folder needs two, between which a killed process leaves neither in place.
"""

import errno
import glob
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_DRAFT, _RETIRED = ".draft", ".retired"
_OF_THE_DISK = (errno.EIO, errno.ENOSPC, errno.EDQUOT)


@contextmanager
def atomic_path(destination: Path) -> Iterator[Path]:
    """Give a path beside ``destination`` to write a file or a folder to; it takes its place when the block succeeds.

    A file replaces a file. A folder replaces a folder: the old one is moved aside, then removed. Where ``destination``
    is a link, what it leads to is replaced, and the link stays.
    When the block raises, nothing is left behind and ``destination`` is as it was; an error of the system's that names
    the path beside it, or no path, names ``destination`` instead, which is what a user knows.

    Raises:
        IsADirectoryError: a file is to replace a folder, whose content would be lost.
        NotADirectoryError: a folder is to replace a file.
        FileExistsError: there is a device or a pipe, which nothing may replace.
    """
    destination = Path(os.path.realpath(destination))
    _refuse_devices(destination)
    made = [folder for folder in destination.parents if not folder.exists()]
    destination.parent.mkdir(parents=True, exist_ok=True)
    stamp = uuid.uuid4().hex[:12]
    draft = destination.with_name(f".{destination.name}.{stamp}{_DRAFT}")
    try:
        yield draft
        _refuse_another_kind(draft, destination)
        _flush(draft)
        if destination.is_dir():
            retired = destination.with_name(f".{destination.name}.{stamp}{_RETIRED}")
            destination.replace(retired)
            try:
                draft.replace(destination)
            except BaseException:
                retired.replace(destination)
                raise
            shutil.rmtree(retired, ignore_errors=True)  # the new one stands, whatever becomes of the old one
        else:
            draft.replace(destination)
        for folder in (destination.parent, *(folder.parent for folder in made)):
            _sync(folder)
    except BaseException as error:
        with suppress(OSError):  # of a disk that fails: what has failed first is told
            shutil.rmtree(draft) if draft.is_dir() else draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and (error.filename is None or str(error.filename).startswith(str(draft))):
            error.filename = str(destination) + str(error.filename or "").removeprefix(str(draft))
        raise


def atomic_write(destination: Path, content: str | bytes) -> None:
    """Write a whole file (text as UTF-8), or leave what was there."""
    with atomic_path(destination) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)


def remove_leftovers(destination: Path) -> None:
    """Remove what killed writers of a path have left beside it; a folder that one had moved aside takes its place back.

    For whoever holds the lock under which alone it is written: other writers would lose what they are about to rename.
    """
    own = re.compile(rf"\.{re.escape(destination.name)}\.[0-9a-f]{{12}}\.(draft|retired)")
    for left in destination.parent.glob(f".{glob.escape(destination.name)}.*"):
        if own.fullmatch(left.name):
            if left.suffix == _RETIRED and not destination.exists():
                left.rename(destination)
            else:
                shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def remove_leftovers_within(folder: Path) -> None:
    """The same for all that was ever written into a folder, which need not be there."""
    own = re.compile(r"\.(.+)\.[0-9a-f]{12}\.(draft|retired)")
    for name in {found[1] for path in folder.glob(".*") if (found := own.fullmatch(path.name))}:
        remove_leftovers(folder / name)


def _refuse_devices(destination: Path) -> None:
    if destination.exists() and not destination.is_file() and not destination.is_dir():
        raise FileExistsError(errno.EEXIST, "is a device or a pipe, and no file; name a file", str(destination))


def _refuse_another_kind(draft: Path, destination: Path) -> None:
    if destination.is_dir() and not draft.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, which no file may replace; name a file", str(destination))
    if draft.is_dir() and destination.exists() and not destination.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "is a file, which no folder may replace", str(destination))


def _flush(path: Path) -> None:
    for item in [path, *path.rglob("*")] if path.is_dir() else [path]:
        _sync(item)


def _sync(path: Path) -> None:
    """Bring a file to the disk, and a folder's names where the system can: Windows opens no folder."""
    try:
        handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)  # Windows syncs nothing that is only read
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if not path.is_dir() or error.errno in _OF_THE_DISK:
            raise
