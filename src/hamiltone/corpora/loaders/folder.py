"""Folders by emotion: the user's own recordings."""

import re
from collections.abc import Mapping
from pathlib import Path

from ..recordings import audio_files, corpus_folder, name_text, not_this_corpus, passed_over, subfolders
from ..utterances import CorpusError, Utterances
from ._corpus import Corpus

_TREE = "EMOTION/*.wav or EMOTION/SPEAKER/*.wav (any audio format)"


def load_folder(root: Path | None, options: Mapping[str, str] | None = None) -> Utterances:
    r"""Load recordings that lie in one folder per emotion, and in it, if you like, one folder per speaker.

    Args:
        root: the folder with the emotions' folders.
        options: ``speaker``, where file names tell it: a regular expression with a group ``speaker``, such as
            ``(?P<speaker>[a-z]+)_\d+$``, that is searched in each recording's path below the root without suffix.

    Returns:
        One row per recording: ``utterance`` is its path below the root without suffix, ``emotion`` the first folder's
        name, ``speaker`` the second one's (missing where there is none; then no split by speaker is possible). The
        note counts recordings without speaker where others have one, and files that look like sound but are not read.

    Raises:
        CorpusError: no such folder, no recordings in such folders, or recordings in other places below it; a pattern
            that is none, has no such group, or does not match a recording.
    """
    folder = corpus_folder("folder", root)
    pattern = _pattern(options["speaker"]) if options else None
    rows = []
    for emotion in subfolders(folder):
        rows += [_row(path, folder, name_text(emotion.name), None) for path in audio_files(emotion)]
        for speaker in subfolders(emotion):
            rows += [
                _row(path, folder, name_text(emotion.name), name_text(speaker.name)) for path in audio_files(speaker)
            ]
            for deeper in subfolders(speaker):
                _refuse(audio_files(deeper), "lies too deep")
    _refuse(audio_files(folder), "lies in no emotion's folder")
    if not rows:
        raise not_this_corpus("folder", folder, _TREE)
    if pattern is not None:
        _name_speakers(rows, pattern)
    nameless = sum(row["speaker"] is None for row in rows)
    remarks = [f"{nameless} recordings have no speaker" if 0 < nameless < len(rows) else "", passed_over(folder)]
    return Utterances.from_rows(rows, corpus="folder", root=folder, note="; ".join(filter(None, remarks)))


def _row(path: Path, folder: Path, emotion: str, speaker: str | None) -> dict[str, str | None]:
    name = name_text(path.relative_to(folder).with_suffix("").as_posix())
    return {"utterance": name, "path": str(path), "emotion": emotion, "speaker": speaker}


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise CorpusError(f"folder: option speaker: {text!r} is no regular expression ({error}): correct it") from error
    if "speaker" not in pattern.groupindex:
        raise CorpusError(f"folder: option speaker: {text!r} has no group (?P<speaker>...): add it")
    return pattern


def _name_speakers(rows: list[dict[str, str | None]], pattern: re.Pattern[str]) -> None:
    lost = []
    for row in rows:
        found = pattern.search(str(row["utterance"]))
        row["speaker"] = found["speaker"] if found else None
        if not row["speaker"]:
            lost.append(row["utterance"])
    if lost:
        raise CorpusError(
            f"folder: option speaker: {pattern.pattern!r} finds no speaker in {lost[0]} "
            f"({len(lost)} of {len(rows)} recordings): correct the pattern"
        )


def _refuse(paths: list[Path], problem: str) -> None:
    if paths:
        raise CorpusError(f"folder: {paths[0]} {problem}: expected {_TREE}; move or remove it")


FOLDER = Corpus(
    "folder",
    load_folder,
    _TREE,
    options=("speaker",),
    naming_speakers="give corpus.options.speaker, or sort the recordings into EMOTION/SPEAKER/",
)
