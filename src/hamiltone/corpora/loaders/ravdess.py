"""RAVDESS: acted English emotional speech, 24 actors, 8 emotions."""

import re
from pathlib import Path

from ..fetch import Archive, Source
from ..recordings import corpus_folder, find_recordings, not_this_corpus
from ..utterances import CorpusError, Utterances
from ._corpus import Corpus, Whole, part_of

_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_STATEMENTS = ("Kids are talking by the door", "Dogs are sitting by the door")
_TREE = "Actor_NN/03-01-EE-II-SS-RR-AA.wav or .flac"
_NAME = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])", re.ASCII)
_PLACE = re.compile(r"Actor_.*")
_WHOLE = Whole(
    clips=1440,
    speakers=24,
    by_speaker={f"{actor:02}": 60 for actor in range(1, 25)},
    by_class={"neutral": 96, **dict.fromkeys(_EMOTIONS[1:], 192)},  # neutral has no strong intensity
    people="actors",
)


def load_ravdess(root: Path | None) -> Utterances:
    """Load the audio-only speech of RAVDESS (Livingstone and Russo 2018, doi:10.1371/journal.pone.0196391).

    Args:
        root: the folder with ``Actor_01`` to ``Actor_24`` (WAV as distributed, or FLAC), or a folder above it (what
            the archive was unpacked to), or one folder with all recordings.

    Returns:
        One row per recording ``Actor_NN/03-01-EE-II-SS-RR-AA``: ``utterance`` is the file's stem, ``speaker`` "01" to
        "24", ``sex`` "male" of odd ones, ``emotion`` one of 8 (ordered as in the corpus), ``text`` the statement. Song
        and video are left out; the note counts them.

    Raises:
        CorpusError: no such folder, no such recordings, an audio file whose name is not RAVDESS's, or one that lies in
            another actor's folder.
    """
    folder = corpus_folder("ravdess", root)
    rows, ignored, strange = [], 0, []
    for path in find_recordings(folder, _NAME, _PLACE):
        match = _NAME.fullmatch(path.stem)
        if match is None:
            strange.append(path)
        elif _PLACE.fullmatch(path.parent.name) and path.parent.name != f"Actor_{match[7]}":
            raise CorpusError(
                f"ravdess: {path} is a recording of actor {match[7]} by its name, and lies in {path.parent.name}: move "
                f"it to Actor_{match[7]}, or correct its name"
            )
        elif (match[1], match[2]) != ("03", "01"):
            ignored += 1
        else:
            rows.append(
                {
                    "utterance": path.stem,
                    "path": str(path),
                    "speaker": match[7],
                    "sex": "male" if int(match[7]) % 2 else "female",
                    "emotion": _EMOTIONS[int(match[3]) - 1],
                    "text": _STATEMENTS[int(match[5]) - 1],
                }
            )
    if ignored and not rows:
        raise CorpusError(f"ravdess: {folder} holds song or video alone ({ignored} files): give the audio-only speech")
    if not rows:
        raise not_this_corpus("RAVDESS", folder, _TREE)
    if strange:
        raise CorpusError(f"ravdess: {strange[0]} is no name of RAVDESS ({_TREE}): rename or remove the file")
    part = part_of(rows, _WHOLE)
    passed = f"{ignored} recordings of song or video ignored" if ignored else ""
    note = "; ".join(filter(None, [part, passed]))
    classes = {"emotion": _EMOTIONS}
    return Utterances.from_rows(rows, corpus="ravdess", root=folder, note=note, part=part, classes=classes)


_URL = "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip"
_SOURCE = Source(
    "RAVDESS, the Ryerson audio-visual database of emotional speech and song: audio-only speech",
    "CC BY-NC-SA 4.0: not for commercial use; name the source, share what you derive alike",
    "https://zenodo.org/records/1188976",
    (
        # The Zenodo record's own checksum and size.
        Archive("speech", _URL, "md5:bc696df654c87fed845eb13823edef8a", 208_468_073, 4.0),
    ),
    ("speech",),
)

RAVDESS = Corpus("ravdess", load_ravdess, _TREE, _WHOLE, "CC BY-NC-SA 4.0, non-commercial", _SOURCE, words=True)
