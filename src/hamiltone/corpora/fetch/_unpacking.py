"""Unpacking of archives with distrust: nothing outside the folder, no links, no devices, no bombs."""

import errno
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from ..utterances import CorpusError, Report

_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)
# Of a decoder, which has no number, of a part that is said to lie before the archive's beginning, or of names that
# contradict one another or are too long.
_NO_PLACE = (None, errno.EINVAL, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold.

    Attributes:
        files: how many files and folders at most.
        size: bytes of all files together at most, unpacked.
        ratio: how many times as large as the archive all files together may be, beyond what silence in one long
            recording makes of it.
        plain: bytes up to which that does not count; silence packs without limit, so size tells first.
    """

    files: int = 1_000_000
    size: int = 1 << 38
    ratio: int = 1000
    plain: int = 1 << 32


class _Member(NamedTuple):
    name: str
    folder: bool
    size: int
    extract: Callable[[], object]


def unpack(archive: Path, folder: Path, limits: ArchiveLimits, report: Report | None = None) -> None:
    """Unpack a zip or a tar (gzip, bzip2, xz or plain) into a new folder.

    Only regular files and folders are made; owners, permissions and times are not taken over.

    Raises:
        CorpusError: a damaged archive, one of another kind, or one that holds what no corpus does: paths outside the
            folder, links, devices, encrypted files, a name twice, or more than the limits allow.
    """
    folder.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as content:
                _write(_zip_members(archive, content, folder), archive, folder, limits, report)
        else:
            with tarfile.open(archive, "r:*") as content:
                _write(_tar_members(archive, content, folder), archive, folder, limits, report)
    except (*_DAMAGED, EOFError, NotImplementedError, ValueError) as error:
        raise CorpusError(f"{archive}: is no zip or tar that can be read ({error})") from error
    except OSError as error:
        if error.errno not in _NO_PLACE:
            raise  # the disk's
        raise CorpusError(f"{archive}: cannot be unpacked ({error})") from error


def _zip_members(archive: Path, content: zipfile.ZipFile, folder: Path) -> Iterator[_Member]:
    for entry in content.infolist():
        mode = entry.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(archive, entry.filename, "is a link or a device")
        if entry.flag_bits & 0x1:
            raise _refused(archive, entry.filename, "is encrypted")
        extract = partial(content.extract, entry, folder)
        yield _Member(entry.orig_filename, entry.filename.endswith("/"), entry.file_size, extract)


def _tar_members(archive: Path, content: tarfile.TarFile, folder: Path) -> Iterator[_Member]:
    for entry in content:
        if not (entry.isreg() or entry.isdir()):
            raise _refused(archive, entry.name, "is a link or a device")
        extract = partial(content.extract, entry, folder, set_attrs=False, filter="data")
        yield _Member(entry.name, entry.isdir(), entry.size, extract)


def _write(
    members: Iterator[_Member], archive: Path, folder: Path, limits: ArchiveLimits, report: Report | None
) -> None:
    total, places, packed = 0, set(), archive.stat().st_size
    for number, member in enumerate(members, start=1):
        path = folder / _place(archive, member.name)
        total += member.size
        if number > limits.files:
            raise CorpusError(f"{archive}: holds more than {limits.files} files: it is not unpacked")
        if member.size < 0 or total > limits.size:
            raise CorpusError(f"{archive}: holds more than {limits.size} bytes: it is not unpacked")
        if total > max(limits.plain, limits.ratio * packed):
            raise CorpusError(f"{archive}: holds more than {limits.ratio} times its own size: it is not unpacked")
        if not member.folder:
            # Two names that a file system without capitals takes for one are one here.
            if (key := str(path).casefold()) in places:
                raise _refused(archive, member.name, "stands twice")
            places.add(key)
        member.extract()  # the size that an archive tells of a file bounds what is read of it
        if report is not None and not member.folder:
            report("unpacking", total, 0)


def _place(archive: Path, name: str) -> PurePosixPath:
    """The relative path of a member."""
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    if not name or "\0" in name or "\\" in name or ":" in name or path.is_absolute() or windows.drive:
        raise _refused(archive, name, "has no relative path")
    if ".." in path.parts:
        raise _refused(archive, name, "leads out of the folder")
    return path


def _refused(archive: Path, name: str, problem: str) -> CorpusError:
    return CorpusError(f"{archive}: {name[:200]!r} {problem}: no corpus has that, it is not unpacked")
