"""The tree of a corpus on the disk: its folders, its audio files, its texts."""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from hamiltone import files
from hamiltone.audio import AUDIO_SUFFIXES, OTHER_SUFFIXES, left_out

from ..fetch import is_readable_archive, unpacked
from ..utterances import CorpusError

_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"})
_DEPTH = 3  # copies of a corpus lie at most so many folders below the one that users name


def corpus_folder(corpus: str, root: Path | None) -> Path:
    """The absolute folder of a corpus that must exist; an archive, a zip or a tar, is unpacked into the cache.

    Raises:
        CorpusError: no folder given, or it is missing, not a folder, or an archive that cannot be unpacked.
    """
    if root is None:
        raise CorpusError(f"{corpus}: give the folder of its recordings (root)")
    folder = absolute_path(corpus, root)
    if os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises on names that are too long
        return folder
    if not os.path.exists(folder):  # noqa: PTH110
        raise CorpusError(f"{corpus}: {folder} does not exist: give the folder of its recordings")
    if is_readable_archive(folder):
        return unpacked(folder)
    if folder.suffix.lower() in _ARCHIVES:
        raise CorpusError(f"{corpus}: {folder} is an archive: unpack it, and give the folder that it was unpacked to")
    raise CorpusError(f"{corpus}: {folder} is a file, not a folder: give the folder of its recordings")


def absolute_path(corpus: str, root: Path) -> Path:
    """The absolute path of what the user named.

    Raises:
        CorpusError: the home folder of a user who does not exist.
    """
    try:
        return Path(root).expanduser().absolute()
    except RuntimeError as error:
        raise CorpusError(f"{corpus}: {root} is nobody's home folder: give the whole path") from error


def subfolders(folder: Path) -> list[Path]:
    """The visible folders in a folder, sorted by name.

    Raises:
        CorpusError: the folder cannot be read.
    """
    return [Path(item.path) for item in _visible(folder) if _is_folder(item)]


def audio_files(folder: Path) -> list[Path]:
    """The visible audio files in a folder (by suffix), sorted by name; a broken link is one, and refused later.

    Raises:
        CorpusError: the folder cannot be read.
    """
    paths = []
    for item in _visible(folder):
        if os.path.splitext(item.name)[1].lower() in AUDIO_SUFFIXES and not _is_folder(item):  # noqa: PTH122 - many files
            paths.append(Path(item.path))
    return paths


def passed_over(folder: Path) -> str:
    """How many files in a folder, or some folders below, look like sound but are not read, and which; "" when none.

    Raises:
        CorpusError: a folder cannot be read.
    """
    found = [
        Path(item.path)
        for level in folder_levels(folder)
        for parent in level
        for item in _visible(parent)
        if os.path.splitext(item.name)[1].lower() in OTHER_SUFFIXES  # noqa: PTH122 - many files
    ]
    return left_out(found, folder)


def absence(path: str) -> str:
    """Why there is no recording at a path; "" where a file is."""
    if os.path.isfile(path):  # noqa: PTH113 - raises nothing, and is fast
        return ""
    if os.path.isdir(path):  # noqa: PTH112
        return "is a folder, not a recording"
    if os.path.islink(path):  # noqa: PTH114
        return "is a broken link"
    return "is no file that can be read" if os.path.exists(path) else "does not exist"  # noqa: PTH110


def name_text(name: str) -> str:
    """The name of a file or a folder as text: UTF-8 whatever the locale, and composed."""
    try:
        return unicodedata.normalize("NFC", os.fsencode(name).decode())
    except UnicodeDecodeError:
        return name


def text_files(folder: Path, suffix: str) -> list[Path]:
    """The visible files in a folder whose name ends in a suffix, sorted by name; none where there is no such folder.

    Raises:
        CorpusError: the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    return [Path(item.path) for item in _visible(folder) if item.name.endswith(suffix) and not _is_folder(item)]


def read_text(corpus: str, path: Path) -> str:
    """The content of a text file in UTF-8 or UTF-16.

    Raises:
        CorpusError: it cannot be read, or is in another encoding.
    """
    try:
        return files.read_text(path)
    except UnicodeDecodeError as error:
        raise CorpusError(f"{corpus}: {path} is no text in UTF-8 or UTF-16: save it so, or fetch it again") from error
    except OSError as error:
        raise CorpusError(f"{corpus}: {path} cannot be read ({error.strerror})") from error


def folder_levels(folder: Path) -> Iterator[list[Path]]:
    """The folder itself, the folders in it, those in them, and so on, as far down as a corpus may lie.

    Raises:
        CorpusError: a folder cannot be read.
    """
    level = [folder]
    for _ in range(_DEPTH):
        yield level
        level = [child for parent in level for child in subfolders(parent)]
    yield level


def find_recordings(folder: Path, name: re.Pattern[str], place: re.Pattern[str]) -> list[Path]:
    """Find the recordings of a corpus in a folder, or some folders below it, or flattened into one folder.

    Some copies hold a corpus twice, once directly and once in a subfolder: the level that is nearest wins.

    Args:
        folder: where to look.
        name: what the stem of the corpus' recordings matches.
        place: what the name of the folders matches that the corpus is distributed in.

    Returns:
        Every audio file in the folders of the nearest level where a folder of a right name holds a recording of a
        right name; failing that, in all folders of the nearest level that hold one; failing that, nothing.

    Raises:
        CorpusError: a folder cannot be read.
    """
    for anywhere in (False, True):
        for level in folder_levels(folder):
            listed = [audio_files(parent) for parent in level if anywhere or place.fullmatch(parent.name)]
            known = [any(name.fullmatch(path.stem) for path in paths) for paths in listed]
            if any(known):
                chosen = (paths for paths, has in zip(listed, known, strict=True) if has or not anywhere)
                return [path for paths in chosen for path in paths]
    return []


def recordings_with_names(
    paths: list[Path], name: re.Pattern[str], *, corpus: str, title: str, folder: Path, tree: str
) -> list[tuple[Path, re.Match[str]]]:
    """Each recording with what its name tells.

    Args:
        paths: the recordings.
        name: what the stem of each must match.
        corpus: the loader's name.
        title: what the corpus is called.
        folder: where it was looked for.
        tree: how it lies on the disk.

    Raises:
        CorpusError: no recording of the corpus, or one with another name.
    """
    found = [(path, match) for path in paths if (match := name.fullmatch(path.stem))]
    if not found:
        raise not_this_corpus(title, folder, tree)
    if len(found) < len(paths):
        strange = next(path for path in paths if not name.fullmatch(path.stem))
        raise CorpusError(f"{corpus}: {strange} is no name of {title} ({tree}): rename or remove the file")
    return found


def not_this_corpus(corpus: str, folder: Path, expected: str) -> CorpusError:
    """The error for a folder without one recording of the corpus."""
    packed = [item.name for item in _visible(folder) if Path(item.name).suffix.lower() in _ARCHIVES]
    advice = f"unpack {packed[0]} first" if packed else passed_over(folder) or "is it another corpus?"
    return CorpusError(f"no {corpus} recordings below {folder}: expected {expected}; {advice}")


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return sorted((item for item in items if not item.name.startswith(".")), key=lambda item: item.name)
    except OSError as error:
        raise CorpusError(f"{folder} cannot be read ({error.strerror}): change its permissions, or move it") from error


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link in a circle
        return False
