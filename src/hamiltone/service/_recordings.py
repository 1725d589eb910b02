"""The recordings among the paths that a user names, and their sound."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hamiltone.audio import AUDIO_SUFFIXES, OTHER_SUFFIXES, SAMPLE_RATE, left_out, stream_audio

from ._errors import ServiceError

Report = Callable[[Path, float], None]
"""Is told of each part of a recording that was read: the file, and the part's seconds."""


def find_recordings(
    paths: Iterable[Path | str],
    *,
    unreadable: Callable[[str], None] | None = None,
    remark: Callable[[str], None] | None = None,
) -> list[Path]:
    """The files named, and of folders all visible audio files (by suffix) anywhere below, sorted within a folder.

    Args:
        paths: files, which may have any suffix and need not exist, and folders.
        unreadable: is told, in a line, of each folder that cannot be read or has no recordings; None: it is an error.
        remark: is told, in a line for each folder, of files that look like sound and are left out.

    Raises:
        ServiceError: a folder without recordings, or one that cannot be read.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises on names that are too long
            found.append(path)
            continue
        below = sorted(_files(path, AUDIO_SUFFIXES | OTHER_SUFFIXES, unreadable))
        heard = [file for file in below if file.suffix.lower() in AUDIO_SUFFIXES]
        others = left_out([file for file in below if file.suffix.lower() in OTHER_SUFFIXES], path)
        if not heard:
            line = f"{path}: no recordings in this folder or below{others and f' ({others})'}"
            if unreadable is None:
                raise ServiceError(line)
            unreadable(line)
            continue
        if others and remark is not None:
            remark(f"{path}: {others}; name a file to have it tried")
        found += heard
    return found


def reported_blocks(path: Path, report: Report | None) -> Iterator[Float32[np.ndarray, "_"]]:
    """The sound of a recording, part by part (see ``hamiltone.audio.stream_audio``), each told when it is read."""
    for block in stream_audio(path):
        yield block
        if report is not None:
            report(path, len(block) / SAMPLE_RATE)


def _files(folder: Path, suffixes: frozenset[str], unreadable: Callable[[str], None] | None) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        line = f"{error.filename}: cannot be read: {error.strerror}"
        if unreadable is None:
            raise ServiceError(line)
        unreadable(line)

    seen, pending = [Path(os.path.realpath(folder))], [folder]
    for top in pending:
        for parent, folders, names in os.walk(top, onerror=fail):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            # Links to what is not looked at anyway: no folder is heard twice, and none for ever.
            for link in (place for name in folders if (place := Path(parent, name)).is_symlink()):
                real = Path(os.path.realpath(link))
                if not any(real.is_relative_to(one) or one.is_relative_to(real) for one in seen):
                    seen.append(real)
                    pending.append(link)
            yield from (
                Path(parent) / name
                for name in names
                if not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122 - many files
            )
