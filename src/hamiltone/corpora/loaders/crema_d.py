"""CREMA-D: acted English emotional speech, 91 actors, 6 emotions, 12 sentences."""

import re
from pathlib import Path

from ..utterances import Utterances
from ._corpus import Corpus, Whole
from ._named_recordings import load_named

_EMOTIONS = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
_TREE = "AudioWAV/NNNN_SSS_EEE_LL.wav or .flac (actor, sentence, emotion, level)"
# One file, 1040_ITH_SAD_X, is distributed with one X only.
_NAME = re.compile(
    rf"(10(?!00)[0-8]\d|109[01])_({'|'.join(_SENTENCES)})_({'|'.join(_EMOTIONS)})_(LO|MD|HI|XX|X)", re.ASCII
)
_PLACE = re.compile("AudioWAV")
_WHOLE = Whole(
    clips=7442,
    speakers=91,
    by_class={**dict.fromkeys(_EMOTIONS.values(), 1271), "neutral": 1087},
    people="actors",
)


def load_crema_d(root: Path | None) -> Utterances:
    """Load CREMA-D (Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244) with the emotions that the actors intended.

    Args:
        root: the folder with ``AudioWAV``, or ``AudioWAV`` itself, or a folder above it.

    Returns:
        One row per recording: ``utterance`` is the file's stem, ``speaker`` the actor's number, ``emotion`` one of 6,
        ``text`` the sentence.

    Raises:
        CorpusError: no such folder, no such recordings, or an audio file whose name is not CREMA-D's.
    """
    return load_named(
        root,
        lambda match: {"speaker": match[1], "emotion": _EMOTIONS[match[3]], "text": _SENTENCES[match[2]]},
        corpus="crema_d",
        title="CREMA-D",
        name=_NAME,
        place=_PLACE,
        tree=_TREE,
        whole=_WHOLE,
    )


CREMA_D = Corpus(
    "crema_d",
    load_crema_d,
    _TREE,
    _WHOLE,
    "ODbL 1.0",
    "lies in git with its large files, not in an archive with a checksum; install git-lfs, then: "
    "git clone https://github.com/CheyneyComputerScience/CREMA-D",
    common={"anger": "angry", "fear": "fearful"},
    words=True,
)
