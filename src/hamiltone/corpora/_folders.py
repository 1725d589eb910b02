"""What all corpora need of their folder."""

from pathlib import Path

from ._utterances import CorpusError

_AUDIO = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff"})


def corpus_folder(corpus: str, root: Path | None) -> Path:
    """The absolute folder of a corpus that must exist.

    Raises:
        CorpusError: no folder given, or it is missing, or not a folder.
    """
    if root is None:
        raise CorpusError(f"{corpus}: give the folder of its recordings (root)")
    folder = Path(root).expanduser().absolute()
    if not folder.is_dir():
        problem = "is a file, not a folder" if folder.exists() else "does not exist"
        raise CorpusError(f"{corpus}: {folder} {problem}: give the folder of its recordings")
    return folder


def subfolders(folder: Path) -> list[Path]:
    """The visible folders in a folder, sorted by name."""
    return sorted(item for item in folder.iterdir() if item.is_dir() and not item.name.startswith("."))


def audio_files(folder: Path) -> list[Path]:
    """The visible audio files in a folder (by suffix), sorted by name."""
    return sorted(
        item
        for item in folder.iterdir()
        if item.suffix.lower() in _AUDIO and not item.name.startswith(".") and item.is_file()
    )


def not_this_corpus(corpus: str, folder: Path, expected: str) -> CorpusError:
    """The error for a folder without one recording of the corpus."""
    return CorpusError(f"no {corpus} recordings below {folder}: expected {expected}; is it another corpus?")


def part_of_corpus(clips: int, all_clips: int, speakers: int, all_speakers: int, speakers_are: str) -> str:
    """Say which part of a corpus this is; "" when it is whole."""
    if (clips, speakers) == (all_clips, all_speakers):
        return ""
    return f"{clips} of {all_clips} clips, {speakers} of {all_speakers} {speakers_are}"
