"""LibriSpeech: read English, many speakers, transcripts."""

import re
from collections.abc import Iterator
from pathlib import Path

from ._folders import audio_files, corpus_folder, not_this_corpus, part_of_corpus, read_text, subfolders
from ._utterances import CorpusError, Utterances

_EXPECTED = "SPLIT/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NNNN.flac"
_NAME = re.compile(r"(\d+)-(\d+)-(\d+)")
_LINE = re.compile(r"(\S+)\s+(\S.*)")
_WHOLE = {  # split: (clips, speakers)
    "dev-clean": (2703, 40),
    "dev-other": (2864, 33),
    "test-clean": (2620, 40),
    "test-other": (2939, 33),
    "train-clean-100": (28539, 251),
    "train-clean-360": (104014, 921),
    "train-other-500": (148688, 1166),
}


def load_librispeech(root: Path | None) -> Utterances:
    """Load one or more splits of LibriSpeech (Panayotov et al. 2015, doi:10.1109/ICASSP.2015.7178964).

    Args:
        root: the folder with ``LibriSpeech``, or ``LibriSpeech`` itself (its splits are loaded together), or a split.

    Returns:
        One row per recording ``SPEAKER/CHAPTER/SPEAKER-CHAPTER-NNNN``: ``utterance`` is the file's stem, ``speaker``
        the reader's number, ``session`` the chapter's, ``text`` the transcript (missing where the chapter's
        ``.trans.txt`` has no line). The note counts recordings without transcript and transcripts without recording.

    Raises:
        CorpusError: no such folder, no such recordings, an audio file with another name, or a transcript file that
            cannot be read.
    """
    folder = corpus_folder("librispeech", root)
    rows, remarks, untold, unheard = [], [], 0, 0
    for split in _splits(folder):
        before = len(rows)
        for chapter in _chapters(split):
            texts = _transcripts(chapter)
            paths = audio_files(chapter)
            for path in paths:
                if not _NAME.fullmatch(path.stem) or not path.stem.startswith(_prefix(chapter)):
                    raise CorpusError(f"librispeech: {path} is not named as in {_EXPECTED}: rename or remove the file")
                rows.append(
                    {
                        "utterance": path.stem,
                        "path": str(path),
                        "speaker": chapter.parent.name,
                        "session": chapter.name,
                        "text": texts.get(path.stem),
                    }
                )
            heard = {path.stem for path in paths}
            untold += len(heard - texts.keys())
            unheard += len(texts.keys() - heard)
        clips, speakers = len(rows) - before, len({row["speaker"] for row in rows[before:]})
        if clips and split.name in _WHOLE and (part := _part(split.name, clips, speakers)):
            remarks.append(f"{split.name}: {part}")
    if not rows:
        raise not_this_corpus("LibriSpeech", folder, _EXPECTED)
    if untold:
        remarks.append(f"{untold} recordings have no transcript")
    if unheard:
        remarks.append(f"{unheard} transcripts have no recording")
    return Utterances.from_rows(rows, corpus="librispeech", root=folder, note="; ".join(remarks))


def _part(split: str, clips: int, speakers: int) -> str:
    all_clips, all_speakers = _WHOLE[split]
    return part_of_corpus(clips, all_clips, speakers, all_speakers, "speakers")


def _splits(folder: Path) -> list[Path]:
    base = folder / "LibriSpeech" if (folder / "LibriSpeech").is_dir() else folder
    return [base] if any(_chapters(base)) else subfolders(base)


def _chapters(split: Path) -> Iterator[Path]:
    for speaker in subfolders(split):
        if speaker.name.isdecimal():
            yield from (chapter for chapter in subfolders(speaker) if chapter.name.isdecimal())


def _prefix(chapter: Path) -> str:
    return f"{chapter.parent.name}-{chapter.name}-"


def _transcripts(chapter: Path) -> dict[str, str]:
    path = chapter / f"{_prefix(chapter)[:-1]}.trans.txt"
    if not path.is_file():
        return {}
    texts = {}
    for number, line in enumerate(read_text("librispeech", path).splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or not match[1].startswith(_prefix(chapter)):
            raise CorpusError(f"librispeech: {path} line {number} is not 'SPEAKER-CHAPTER-NNNN TRANSCRIPT'")
        texts[match[1]] = match[2]
    return texts
