"""nEMO: acted Polish emotional speech, 9 actors, 6 emotions, 90 sentences."""

import csv
import io
import re
from pathlib import Path

from ..recordings import corpus_folder, find_recordings, read_text, recordings_with_names
from ..utterances import CorpusError, Utterances
from ._corpus import Corpus, Whole, part_of

_COUNTS = {"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprised": 669}
_TREE = "samples/SPEAKER_emotion_N.wav or .flac, and data.tsv beside samples"
_NAME = re.compile(rf"([A-Z]{{2}}\d)_({'|'.join(_COUNTS)})_([1-9]\d?)", re.ASCII)
_PLACE = re.compile("samples")
_COLUMNS = ("file_id", "emotion", "raw_text", "speaker_id", "gender")
_WHOLE = Whole(clips=4481, speakers=9, by_class=_COUNTS, people="actors")


def load_nemo(root: Path | None) -> Utterances:
    """Load nEMO (Christop 2024, Proc. LREC-COLING, 12111-12116; arXiv:2404.06292).

    Args:
        root: the folder with ``samples`` and ``data.tsv``, or a folder above it, or one folder with all of them.

    Returns:
        One row per recording ``SPEAKER_emotion_N``: ``utterance`` is the file's stem, ``speaker`` three letters
        ("EB0"), ``emotion`` one of 6, and from ``data.tsv`` ``sex`` and ``text``, the sentence as it is written. The
        note counts recordings that ``data.tsv`` does not name.

    Raises:
        CorpusError: no such folder, no such recordings, an audio file whose name is not nEMO's, or a ``data.tsv`` that
            cannot be read or says otherwise than the names.
    """
    folder = corpus_folder("nemo", root)
    paths = find_recordings(folder, _NAME, _PLACE)
    found = recordings_with_names(paths, _NAME, corpus="nemo", title="nEMO", folder=folder, tree=_TREE)
    told = {parent: _told(parent) for parent in dict.fromkeys(path.parent for path, _ in found)}
    rows, unnamed = [], 0
    for path, match in found:
        row = {"utterance": path.stem, "path": str(path), "speaker": match[1], "emotion": match[2]}
        known = told[path.parent].get(path.stem, {})
        unnamed += not known
        if wrong := [name for name in known if known[name] != row.get(name, known[name])]:
            raise CorpusError(
                f"nemo: data.tsv says {wrong[0]} {known[wrong[0]]!r} of {path}: correct the file's name, or fetch both"
            )
        rows.append(row | known)
    part = part_of(rows, _WHOLE)
    note = "; ".join(filter(None, [part, f"{unnamed} recordings are not in data.tsv" if unnamed else ""]))
    classes = {"emotion": tuple(_COUNTS)}
    return Utterances.from_rows(
        rows, corpus="nemo", root=folder, note=note, part=part, classes=classes, language="Polish"
    )


def _told(samples: Path) -> dict[str, dict[str, str]]:
    """What ``data.tsv`` tells, by recording; nothing where it is not there."""
    file = next((place / "data.tsv" for place in (samples.parent, samples) if (place / "data.tsv").is_file()), None)
    if file is None:
        return {}
    # A text may hold a single quotation mark: nothing is quoted.
    lines = csv.DictReader(io.StringIO(read_text("nemo", file), newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    if lacking := [name for name in _COLUMNS if name not in (lines.fieldnames or ())]:
        raise CorpusError(f"nemo: {file} lacks the column {lacking[0]!r}: fetch it again")
    told = {}
    for line in lines:
        if any(line[name] is None for name in _COLUMNS):
            raise CorpusError(f"nemo: {file} line {lines.line_num} is cut off: fetch it again")
        # As distributed, spaces stand before each speaker.
        name, emotion, text, speaker, sex = (line[name].strip() for name in _COLUMNS)
        told[Path(name).stem] = {"speaker": speaker, "emotion": emotion, "sex": sex, "text": text}
    return told


NEMO = Corpus(
    "nemo",
    load_nemo,
    _TREE,
    _WHOLE,
    "CC BY-NC-SA 4.0, non-commercial",
    "lies in git, not in an archive with a checksum: git clone https://github.com/amu-cai/nEMO",
    common={"anger": "angry", "fear": "fearful", "happiness": "happy", "sadness": "sad"},
)
