"""Archives that are given as a corpus' folder: unpacked once, into the cache."""

import shutil
import tarfile
import zipfile
from pathlib import Path

from hamiltone.files import atomic_path, cache_folder, file_key, locked

from ._unpacking import ArchiveLimits, unpack


def is_readable_archive(path: Path) -> bool:
    """Whether it is a zip or a tar, by content."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def unpacked(archive: Path) -> Path:
    """The folder that an archive was unpacked to: in the cache, by its content, and once.

    Raises:
        CorpusError: the archive is damaged, holds what no corpus does, or more than there is room for.
    """
    folder = cache_folder("archives") / file_key(archive)
    with locked(folder):
        if not folder.is_dir():
            with atomic_path(folder) as draft:
                unpack(archive, draft, ArchiveLimits(size=shutil.disk_usage(folder.parent).free))
    return folder
