"""Fetch an open corpus: known checksums, safe unpacking, whole or not at all."""

import logging
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch

from hamiltone.files import locked

from ._download import ResumingDownloader, check_room
from ._segments import Report
from ._sources import Archive, source_of
from ._unpack import Limits, unpack
from ._utterances import CorpusError

_PARTIAL = ".part"
_AS_PUBLISHED = (
    "its checksum is the published one, so fetching it again does not help: unpack it yourself into the corpus' "
    "folder, and please report this"
)


def get_corpus(
    name: str,
    out: Path,
    *,
    accept_licence: bool,
    parts: Sequence[str] = (),
    mirror: str | None = None,
    report: Report | None = None,
) -> Path:
    """Fetch a corpus and unpack it below a folder.

    Archives are checked against published checksums. What is there already is not fetched again; what broke off goes
    on where it was. An archive is removed when it is unpacked.

    Args:
        name: a key of ``SOURCES``.
        out: the folder that gets the corpus' folder ``NAME``.
        accept_licence: that you have read the licence (``SOURCES[name].licence``) and keep to it.
        parts: which parts; those of ``SOURCES[name].default`` when empty.
        mirror: an address below which the archives lie by their names, instead of the publishers'.
        report: told of progress.

    Returns:
        The corpus' folder, for ``load_corpus``.

    Raises:
        CorpusError: an unknown corpus or part, or one that must be asked for; the licence is not accepted; no address;
            too little free space; a server that refuses, stalls or breaks off too often; another checksum; an archive
            that holds what no corpus does.
    """
    source = source_of(name)
    archives = source.chosen(name, tuple(parts))
    if mirror is not None and urlsplit(mirror).scheme not in ("http", "https"):
        raise CorpusError(f"{mirror!r} is no address of a mirror: it begins with http:// or https://")
    if not accept_licence:
        raise CorpusError(
            f"{name}: its licence is {source.licence} ({source.page}); accept it by accept_licence (--accept-licence)"
        )
    folder = Path(out).expanduser().absolute() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        wanted = [archive for archive in archives if not (folder / archive.place).exists()]
        check_room(folder.parent, sum(_room(archive, archive.size or 0) + (archive.size or 0) for archive in wanted))
        for archive in wanted:
            packed = _fetch(archive, folder.parent, mirror, report)
            _place(archive, packed, folder, report)
            packed.unlink()
    return folder


def _room(archive: Archive, size: int) -> int:
    """The bytes that an archive of so many takes when it is unpacked."""
    return round(archive.growth * size)


def _fetch(archive: Archive, folder: Path, mirror: str | None, report: Report | None) -> Path:
    url = archive.address(mirror)
    partial = folder / f".{archive.name}{_PARTIAL}"
    # Any: pooch annotates downloaders otherwise than it calls them.
    downloader: Any = ResumingDownloader(partial, archive.size, lambda size: _room(archive, size), report)
    with _silent():
        try:
            return Path(pooch.retrieve(url, archive.checksum, f".{archive.name}", folder, downloader=downloader))
        except ValueError as error:
            raise CorpusError(
                f"{url}: is not the file that was published ({archive.checksum.partition(':')[0]} differs); "
                "it was removed: try again, or name another --mirror"
            ) from error


def _place(archive: Archive, packed: Path, folder: Path, report: Report | None) -> None:
    """Unpack beside the corpus' folder, and move what is wanted to its place when it is whole."""
    draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:12]}.draft")
    size = packed.stat().st_size
    check_room(folder.parent, _room(archive, size))
    try:
        try:
            unpack(packed, draft, Limits(size=_room(archive, size) + (1 << 20)), report)
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
def _silent() -> Iterator[None]:
    """Keep pooch from telling what the progress tells."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
