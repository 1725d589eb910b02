"""Speech Commands: single English words from thousands of speakers."""

import re
from pathlib import Path

from ..fetch import Archive, Source
from ..recordings import audio_files, corpus_folder, folder_levels, not_this_corpus, read_text
from ..utterances import CorpusError, Utterances
from ._corpus import Corpus, Whole, part_of

_TREE = "WORD/SPEAKER_nohash_N.wav or .flac"
_NAME = re.compile(r"([0-9a-f]+)_nohash_(\d+)", re.ASCII)
_LISTS = {"validation_list.txt": "validation", "testing_list.txt": "test"}
_VERSIONS = Whole(64727, 1881, column="word"), Whole(105829, 2618, column="word")  # versions 0.01 and 0.02


def load_speech_commands(root: Path | None) -> Utterances:
    """Load Speech Commands, version 0.01 or 0.02 (Warden 2018, arXiv:1804.03209).

    Args:
        root: the folder with one folder per word, or a folder above it.

    Returns:
        One row per recording: ``utterance`` is ``WORD/SPEAKER_nohash_N`` (a name stands in several words' folders),
        ``word`` and ``text`` the folder's name, ``speaker`` the name up to ``_nohash_``. Folders whose name begins
        with "_" (background noise; the words "silence" and "unknown" of the test set) are left out. ``split`` is what
        the corpus' own lists beside the words' folders say ("train" of what is in neither); missing where one of them
        is not there. The note counts against version 0.02 where the recordings are not exactly as many as in either.

    Raises:
        CorpusError: no such folder, no such recordings, an audio file whose name is not as expected, or a list that
            cannot be read or that contradicts the other.
    """
    folder = corpus_folder("speech_commands", root)
    rows, strange = [], []
    for path in _recordings(folder):
        word = path.parent.name
        match = _NAME.fullmatch(path.stem)
        if match is None:
            strange.append(path)
            continue
        name = f"{word}/{path.stem}"
        rows.append({"utterance": name, "path": str(path), "speaker": match[1], "word": word, "text": word})
    if not rows:
        raise not_this_corpus("Speech Commands", folder, _TREE)
    if strange:
        raise CorpusError(f"speech_commands: {strange[0]} is not named as in {_TREE}: rename or remove the file")
    split = _split(Path(rows[0]["path"]).parents[1])
    for row in rows:
        row["split"] = split.get(row["utterance"], "train") if split else None
    part = part_of(rows, *_VERSIONS)
    return Utterances.from_rows(rows, corpus="speech_commands", root=folder, note=part, part=part)


def _recordings(folder: Path) -> list[Path]:
    # The nearest level that has a word wins; the root itself is none.
    for level in folder_levels(folder):
        listed = [audio_files(item) for item in level if item != folder and not item.name.startswith("_")]
        words = [paths for paths in listed if any(_NAME.fullmatch(path.stem) for path in paths)]
        if words:
            return [path for paths in words for path in paths]
    return []


def _split(folder: Path) -> dict[str, str]:
    """The part of each recording that the lists in a folder name; nothing where one of them is not there."""
    if not all((folder / file).is_file() for file in _LISTS):
        return {}
    parts: dict[str, str] = {}
    for file, part in _LISTS.items():
        for line in filter(None, map(str.strip, read_text("speech_commands", folder / file).splitlines())):
            name = line.rpartition(".")[0]
            if parts.setdefault(name, part) != part:
                raise CorpusError(f"speech_commands: {line} stands in both of {', '.join(_LISTS)}: fetch them again")
    return parts


_URL = "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
_SOURCE = Source(
    "Speech Commands",
    "CC BY 4.0: name the source when you publish",
    "https://arxiv.org/abs/1804.03209",
    (
        # torchaudio (datasets/speechcommands.py) and TensorFlow Datasets (url_checksums/speech_commands.txt).
        Archive(
            "v0.02", _URL, "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58", 2_428_923_189, 2.0
        ),
    ),
    ("v0.02",),
)

SPEECH_COMMANDS = Corpus("speech_commands", load_speech_commands, _TREE, _VERSIONS, "CC BY 4.0", _SOURCE)
