"""Fetching of archives: known checksums, safe unpacking, whole or not at all."""

import logging
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hamiltone.files import locked

from ..utterances import CorpusError, Report
from ._free_space import check_room
from ._sources import Archive
from ._unpacking import ArchiveLimits, unpack

_PARTIAL = ".part"
_AS_PUBLISHED = (
    "its checksum is the published one, so fetching it again does not help: unpack it yourself into the corpus' "
    "folder, and please report this"
)


def fetch(archives: Iterable[Archive], folder: Path, *, mirror: str | None, report: Report | None) -> None:
    """Fetch the archives of a corpus that are not in its folder yet, check them, and unpack them there.

    Args:
        archives: what to fetch.
        folder: the corpus' own.
        mirror: an address below which the archives lie by their names, instead of the publishers'.
        report: told of progress.

    Raises:
        CorpusError: no address; too little free space; a server that refuses, stalls or breaks off too often; another
            checksum; an archive that holds what no corpus does.
    """
    if mirror is not None and urlsplit(mirror).scheme not in ("http", "https"):
        raise CorpusError(f"{mirror!r} is no address of a mirror: it begins with http:// or https://")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        wanted = [archive for archive in archives if not (folder / archive.place).exists()]
        check_room(
            folder.parent, sum(_unpacked_size(archive, archive.size or 0) + (archive.size or 0) for archive in wanted)
        )
        for archive in archives:
            if archive not in wanted:  # a process that was killed when this was in its place may have left its source
                (folder.parent / f".{archive.name}").unlink(missing_ok=True)
        for archive in wanted:
            packed = _download(archive, folder.parent, mirror, report)
            _move_to_place(archive, packed, folder, report)
            packed.unlink()


def _unpacked_size(archive: Archive, size: int) -> int:
    """The bytes that an archive of so many takes when it is unpacked."""
    return round(archive.growth * size)


def _download(archive: Archive, folder: Path, mirror: str | None, report: Report | None) -> Path:
    import pooch  # noqa: PLC0415 - slow to import, as is requests

    from ._download import ResumingDownloader  # noqa: PLC0415

    url = archive.address(mirror)
    partial = folder / f".{archive.name}{_PARTIAL}"
    # Any: pooch annotates downloaders otherwise than it calls them.
    downloader: Any = ResumingDownloader(partial, archive.size, lambda size: _unpacked_size(archive, size), report)
    with _without_messages(pooch.get_logger()):
        try:
            return Path(pooch.retrieve(url, archive.checksum, f".{archive.name}", folder, downloader=downloader))
        except ValueError as error:
            raise CorpusError(
                f"{url}: is not the file that was published ({archive.checksum.partition(':')[0]} differs); "
                "it was removed: try again, or name another --mirror"
            ) from error


def _move_to_place(archive: Archive, packed: Path, folder: Path, report: Report | None) -> None:
    """Unpack beside the corpus' folder, and move what is wanted to its place when it is whole."""
    draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:12]}.draft")
    size = packed.stat().st_size
    check_room(folder.parent, _unpacked_size(archive, size))
    try:
        try:
            unpack(packed, draft, ArchiveLimits(size=_unpacked_size(archive, size) + (1 << 20)), report)
        except CorpusError as error:
            raise CorpusError(f"{error}; {_AS_PUBLISHED}") from error
        inside, target = draft / archive.inside, folder / archive.place
        if not inside.is_dir():
            raise CorpusError(f"{packed}: holds no {archive.inside}; {_AS_PUBLISHED}")
        target.parent.mkdir(parents=True, exist_ok=True)
        if archive.place:
            for beside in inside.parent.iterdir():
                if beside.is_file() and not (target.parent / beside.name).exists():  # licence, list of speakers
                    beside.replace(target.parent / beside.name)
        inside.replace(target)
    finally:
        if draft.exists():
            shutil.rmtree(draft)


@contextmanager
def _without_messages(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from telling what the progress tells."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
