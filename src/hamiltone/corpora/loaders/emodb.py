"""EmoDB, the Berlin database of emotional speech: acted German, 10 speakers, 7 emotions."""

import re
from pathlib import Path

from ..fetch import Archive, Source
from ..utterances import Utterances
from ._corpus import Corpus, Whole
from ._named_recordings import load_named

_EMOTIONS = {  # the first letter of the German word
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank",
    "a02": "Das will sie am Mittwoch abgeben",
    "a04": "Heute abend könnte ich es ihm sagen",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück",
    "a07": "In sieben Stunden wird es soweit sein",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen",
}
_WOMEN = ("08", "09", "13", "14", "16")
_TREE = "wav/SSsssEv.wav or .flac (speaker, sentence, emotion, version: 03a01Fa)"
_NAME = re.compile(r"(03|08|09|1[0-6])(a0[12457]|b(?:0[1239]|10))([WLEAFTN])([a-z])")
_PLACE = re.compile("wav")
_WHOLE = Whole(
    clips=535,
    speakers=10,
    by_speaker={
        **{"03": 49, "08": 58, "09": 43, "10": 38, "11": 55},
        **{"12": 35, "13": 61, "14": 69, "15": 56, "16": 71},
    },
    by_class={
        **{"anger": 127, "boredom": 81, "disgust": 46, "fear": 69},
        **{"happiness": 71, "sadness": 62, "neutral": 79},
    },
)


def load_emodb(root: Path | None) -> Utterances:
    """Load the Berlin database of emotional speech (Burkhardt et al. 2005, doi:10.21437/Interspeech.2005-446).

    Args:
        root: the folder with ``wav``, or ``wav`` itself, or a folder above it.

    Returns:
        One row per recording: ``utterance`` is the file's stem, ``speaker`` two digits, ``sex``, ``emotion``
        one of 7, ``text`` the sentence.

    Raises:
        CorpusError: no such folder, no such recordings, or an audio file whose name is not EmoDB's.
    """
    return load_named(
        root,
        lambda match: {
            "speaker": match[1],
            "sex": "female" if match[1] in _WOMEN else "male",
            "emotion": _EMOTIONS[match[3]],
            "text": _SENTENCES[match[2]],
        },
        corpus="emodb",
        title="EmoDB",
        name=_NAME,
        place=_PLACE,
        tree=_TREE,
        whole=_WHOLE,
        language="German",
    )


_URL = "https://zenodo.org/records/7447302/files/emodb.zip"
_LICENCE = "CC BY 4.0 (the licence file inside says CC0 1.0)"
_SOURCE = Source(
    "EmoDB, the Berlin database of emotional speech, 1.3.0 (audEERING's edition of the 535 recordings)",
    f"{_LICENCE}: name the source when you publish",
    "https://zenodo.org/records/7447302",
    (
        # The record's own checksum and size, as programs that fetch it have them.
        Archive("all", _URL, "md5:9d21362dbc5676ef3ab4745d83ced0db", 39_981_818, 3.0),
    ),
    ("all",),
)

EMODB = Corpus(
    "emodb",
    load_emodb,
    _TREE,
    _WHOLE,
    _LICENCE,
    _SOURCE,
    common={"anger": "angry", "fear": "fearful", "happiness": "happy", "sadness": "sad"},
)
