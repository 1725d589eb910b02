"""LibriSpeech: read English, many speakers, transcripts."""

import re
from collections.abc import Iterator
from pathlib import Path

from ..fetch import Archive, Source
from ..recordings import audio_files, corpus_folder, not_this_corpus, read_text, subfolders
from ..utterances import CorpusError, Utterances
from ._corpus import Corpus, Whole, part_of

_TREE = "SPLIT/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NNNN.flac"
_NAME = re.compile(r"(\d+)-(\d+)-(\d+)")
_LINE = re.compile(r"(\S+)\s+(\S.*)")
_SPLITS = {
    "dev-clean": Whole(2703, 40),
    "dev-other": Whole(2864, 33),
    "test-clean": Whole(2620, 40),
    "test-other": Whole(2939, 33),
    "train-clean-100": Whole(28539, 251),
    "train-clean-360": Whole(104014, 921),
    "train-other-500": Whole(148688, 1166),
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
    rows, parts, untold, unheard = [], [], 0, 0
    for split in _splits(folder):
        before = len(rows)
        for chapter in _chapters(split):
            texts = _transcripts(chapter)
            paths = audio_files(chapter)
            for path in paths:
                if not _NAME.fullmatch(path.stem) or not path.stem.startswith(_prefix(chapter)):
                    raise CorpusError(f"librispeech: {path} is not named as in {_TREE}: rename or remove the file")
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
        found = rows[before:]
        if found and split.name in _SPLITS and (part := part_of(found, _SPLITS[split.name])):
            parts.append(f"{split.name}: {part}")
    if not rows:
        raise not_this_corpus("LibriSpeech", folder, _TREE)
    remarks = [*parts]
    if untold:
        remarks.append(f"{untold} recordings have no transcript")
    if unheard:
        remarks.append(f"{unheard} transcripts have no recording")
    note, part = "; ".join(remarks), "; ".join(parts)
    return Utterances.from_rows(rows, corpus="librispeech", root=folder, note=note, part=part)


def _published(utterances: Utterances) -> Whole | None:
    """The published size of the splits that recordings lie in; None where a folder is none of the seven.

    No reader reads in two splits.
    """
    names = {Path(path).parents[2].name for path in utterances.table["path"]}
    if not names <= _SPLITS.keys():
        return None
    splits = [_SPLITS[name] for name in names]
    return Whole(sum(split.clips for split in splits), sum(split.speakers for split in splits))


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


def _archive(split: str, size: int, sha256: str) -> Archive:
    folder = f"LibriSpeech/{split}"
    url = f"https://www.openslr.org/resources/12/{split}.tar.gz"
    return Archive(split, url, f"sha256:{sha256}", size, 1.2, inside=folder, place=folder)


# Sizes and checksums: torchaudio (datasets/librispeech.py) and TensorFlow Datasets (url_checksums/librispeech.txt).
_SOURCE = Source(
    "LibriSpeech",
    "CC BY 4.0: name the source when you publish",
    "https://www.openslr.org/12",
    (
        _archive("dev-clean", 337_926_286, "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3"),
        _archive("dev-other", 314_305_928, "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365"),
        _archive("test-clean", 346_663_984, "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23"),
        _archive("test-other", 328_757_843, "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29"),
        _archive("train-clean-100", 6_387_309_499, "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2"),
        _archive("train-clean-360", 23_049_477_885, "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf"),
        _archive("train-other-500", 30_593_501_606, "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2"),
    ),
    ("dev-clean", "test-clean"),
)

LIBRISPEECH = Corpus(
    "librispeech",
    load_librispeech,
    f"{_TREE}, and SPEAKER-CHAPTER.trans.txt beside them",
    _published,
    "CC BY 4.0",
    _SOURCE,
    words=True,
)
