"""The user's own recordings, sorted into folders by emotion."""

from pathlib import Path

from ._folders import audio_files, corpus_folder, not_this_corpus, subfolders
from ._utterances import CorpusError, Utterances

TREE = "EMOTION/*.wav or EMOTION/SPEAKER/*.wav (any audio format)"


def load_folder(root: Path | None) -> Utterances:
    """Load recordings that lie in one folder per emotion, and in it, if you like, one folder per speaker.

    Args:
        root: the folder with the emotions' folders.

    Returns:
        One row per recording: ``utterance`` is its path below the root without suffix, ``emotion`` the first folder's
        name, ``speaker`` the second one's (missing where there is none; then no split by speaker is possible). The
        note counts recordings without speaker where others have one.

    Raises:
        CorpusError: no such folder, no recordings in such folders, or recordings in other places below it.
    """
    folder = corpus_folder("folder", root)
    rows = []
    for emotion in subfolders(folder):
        rows += [_row(path, folder, emotion.name, None) for path in audio_files(emotion)]
        for speaker in subfolders(emotion):
            rows += [_row(path, folder, emotion.name, speaker.name) for path in audio_files(speaker)]
            for deeper in subfolders(speaker):
                _refuse(audio_files(deeper), "lies too deep")
    _refuse(audio_files(folder), "lies in no emotion's folder")
    if not rows:
        raise not_this_corpus("folder", folder, TREE)
    nameless = sum(row["speaker"] is None for row in rows)
    note = f"{nameless} recordings have no speaker" if 0 < nameless < len(rows) else ""
    return Utterances.from_rows(rows, corpus="folder", root=folder, note=note)


def _row(path: Path, folder: Path, emotion: str, speaker: str | None) -> dict[str, str | None]:
    name = path.relative_to(folder).with_suffix("").as_posix()
    return {"utterance": name, "path": str(path), "emotion": emotion, "speaker": speaker}


def _refuse(paths: list[Path], problem: str) -> None:
    if paths:
        raise CorpusError(f"folder: {paths[0]} {problem}: expected {TREE}; move or remove it")
