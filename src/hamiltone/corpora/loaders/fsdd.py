"""FSDD, the Free Spoken Digit Dataset: English digits, 6 speakers, or 5 in version 1.0.9."""

import re
from pathlib import Path

from ..fetch import Archive, Source
from ..recordings import audio_files, corpus_folder, recordings_with_names
from ..utterances import Utterances
from ._corpus import Corpus, Whole, part_of

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TREE = "recordings/D_speaker_take.wav or .flac"
_NAME = re.compile(r"(\d)_([^_]+)_(\d+)")
# What get_corpus fetches; its five speakers are not named by whoever has published its size.
_BEFORE = Whole(clips=2500, speakers=5, column="word", by_class=dict.fromkeys(_DIGITS, 250))  # version 1.0.9
_PRESENT = Whole(
    clips=3000,
    speakers=6,
    by_speaker=dict.fromkeys(("george", "jackson", "lucas", "nicolas", "theo", "yweweler"), 500),
    column="word",
    by_class=dict.fromkeys(_DIGITS, 300),
)
_VERSIONS = _BEFORE, _PRESENT


def load_fsdd(root: Path | None) -> Utterances:
    """Load the Free Spoken Digit Dataset (Jackson et al. 2018, doi:10.5281/zenodo.1342401).

    Args:
        root: the folder with ``recordings``, or ``recordings`` itself.

    Returns:
        One row per recording ``D_speaker_take``: ``utterance`` is the file's stem, ``word`` and ``text`` the digit as
        an English word ("zero" to "nine", in this order), ``speaker`` the name. The note counts against the present
        corpus (3,000 recordings of 6 speakers) where the recordings are not exactly version 1.0.9 (2,500 of 5).

    Raises:
        CorpusError: no such folder, no such recordings, or an audio file whose name is not FSDD's.
    """
    folder = corpus_folder("fsdd", root)
    recordings = folder / "recordings"
    paths = audio_files(recordings if recordings.is_dir() else folder)
    rows = []
    for path, match in recordings_with_names(paths, _NAME, corpus="fsdd", title="FSDD", folder=folder, tree=_TREE):
        word = _DIGITS[int(match[1])]
        rows.append({"utterance": path.stem, "path": str(path), "speaker": match[2], "word": word, "text": word})
    part = part_of(rows, *_VERSIONS)
    classes = {"word": _DIGITS}
    return Utterances.from_rows(rows, corpus="fsdd", root=folder, note=part, part=part, classes=classes)


_URL = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/v1.0.9.tar.gz"
_SOURCE = Source(
    "FSDD, the Free Spoken Digit Dataset, 1.0.9 (2,500 recordings of 5 speakers)",
    "CC BY-SA 4.0: name the source, share what you derive alike",
    "https://github.com/Jakobovski/free-spoken-digit-dataset",
    (
        # TensorFlow Datasets: datasets/spoken_digit/checksums.tsv.
        Archive(
            "v1.0.9",
            _URL,
            "sha256:8bc44cde129d505cbbb6b365c09f80c663f2aa77578afc634e6141a2f87100c0",
            11_975_353,
            3.0,
            inside="free-spoken-digit-dataset-1.0.9",
            file="free-spoken-digit-dataset-1.0.9.tar.gz",
        ),
    ),
    ("v1.0.9",),
)

FSDD = Corpus("fsdd", load_fsdd, f"{_TREE} (digit, speaker, take)", _VERSIONS, "CC BY-SA 4.0", _SOURCE)
