"""TESS: acted English emotional speech, 2 actors, 7 emotions, one word in a carrier phrase."""

import re
from pathlib import Path

from ..fetch import Archive, Source
from ..utterances import Utterances
from ._corpus import Corpus, Whole
from ._named_recordings import load_named

_EMOTIONS = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "pleasant_surprise",
    "sad": "sad",
}
_ACTORS = {"OAF": "OAF", "OA": "OAF", "YAF": "YAF"}
_TREE = "ACTOR_emotion/ACTOR_word_emotion.wav or .flac"
_NAME = re.compile(r"(OAF|OA|YAF)_([A-Za-z]+)_(angry|disgust|fear|happy|neutral|ps|sad)", re.IGNORECASE | re.ASCII)
_PLACE = re.compile(r"(OAF|OA|YAF)_.*", re.IGNORECASE)
_WHOLE = Whole(
    clips=2800,
    speakers=2,
    by_speaker={"OAF": 1400, "YAF": 1400},
    by_class=dict.fromkeys(_EMOTIONS.values(), 400),
    people="actors",
)


def load_tess(root: Path | None) -> Utterances:
    """Load the Toronto emotional speech set (Pichora-Fuller and Dupuis 2020, doi:10.5683/SP2/E8H2MF).

    The emotion is read from a file's name alone: the folders' names are irregular (``OAF_Fear``, ``YAF_fear``,
    ``OAF_Pleasant_surprise``, ``YAF_pleasant_surprised``).

    Args:
        root: the folder with ``OAF_angry`` to ``YAF_sad``, or a folder above it, or one folder with all recordings.

    Returns:
        One row per recording: ``utterance`` is ``ACTOR_word_emotion`` as in the file's name, ``speaker`` OAF (also
        where it is written OA) or YAF, both women, ``emotion`` one of 7, ``word`` the target word, ``text`` the whole
        phrase.

    Raises:
        CorpusError: no such folder, no such recordings, or an audio file whose name is not TESS's.
    """

    def told(match: re.Match[str]) -> dict[str, str]:
        actor, word, emotion = _ACTORS[match[1].upper()], match[2].lower(), match[3].lower()
        return {
            "utterance": f"{actor}_{word}_{emotion}",
            "speaker": actor,
            "sex": "female",
            "emotion": _EMOTIONS[emotion],
            "word": word,
            "text": f"Say the word {word}",
        }

    return load_named(
        root,
        told,
        corpus="tess",
        title="TESS",
        name=_NAME,
        place=_PLACE,
        tree=_TREE,
        whole=_WHOLE,
    )


_URL = "https://bj.bcebos.com/paddleaudio/datasets/TESS_Toronto_emotional_speech_set.zip"
_SOURCE = Source(
    "TESS, the Toronto emotional speech set",
    "CC BY-NC-ND 4.0: not for commercial use; name the source, pass no altered version on",
    "https://doi.org/10.5683/SP2/E8H2MF",
    (
        # The copy that PaddlePaddle serves, with its checksum (paddle/audio/datasets/tess.py); Borealis, where
        # the corpus is published, packs its archive anew each time.
        Archive("all", _URL, "md5:1465311b24d1de704c4c63e4ccc470c7", None, 3.0),
    ),
    ("all",),
)

TESS = Corpus(
    "tess",
    load_tess,
    _TREE,
    _WHOLE,
    "CC BY-NC-ND 4.0, non-commercial",
    _SOURCE,
    common={"fear": "fearful", "pleasant_surprise": "surprised"},
    words=True,
)
