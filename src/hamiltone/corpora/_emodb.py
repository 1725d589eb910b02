"""EmoDB, the Berlin database of emotional speech: acted German, 10 speakers, 7 emotions."""

import re
from pathlib import Path

from ._folders import audio_files, by_name, corpus_folder, recordings, subfolders
from ._utterances import Utterances
from ._whole import Whole

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
TREE = "wav/SSsssEv.wav or .flac (speaker, sentence, emotion, version: 03a01Fa)"
_NAME = re.compile(r"(03|08|09|1[0-6])(a0[12457]|b(?:0[1239]|10))([WLEAFTN])([a-z])")
_PLACE = re.compile("wav")
WHOLE = Whole(
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
        One row per recording: ``utterance`` is the file's stem, ``speaker`` two digits, ``emotion`` one of 7,
        ``text`` the sentence. The note counts recordings in folders below, which are not used.

    Raises:
        CorpusError: no such folder, no such recordings, or an audio file whose name is not EmoDB's.
    """
    folder = corpus_folder("emodb", root)
    paths = recordings(folder, _NAME, _PLACE)
    rows = []
    for path, match in by_name(paths, _NAME, corpus="emodb", title="EmoDB", folder=folder, tree=TREE):
        rows.append(
            {
                "utterance": path.stem,
                "path": str(path),
                "speaker": match[1],
                "emotion": _EMOTIONS[match[3]],
                "text": _SENTENCES[match[2]],
            }
        )
    part = WHOLE.part(len(rows), len({row["speaker"] for row in rows}))
    note = "; ".join(filter(None, [part, _beneath(paths, folder)]))
    classes = {"emotion": tuple(_EMOTIONS.values())}
    return Utterances.from_rows(rows, corpus="emodb", root=folder, note=note, part=part, classes=classes)


def _beneath(paths: list[Path], folder: Path) -> str:
    """Which recordings lie in folders below those that are read, and so are passed over."""
    used = set(paths)
    below = [child for parent in dict.fromkeys(path.parent for path in paths) for child in subfolders(parent)]
    passed = [path for child in below for path in audio_files(child) if _NAME.fullmatch(path.stem) and path not in used]
    return f"{len(passed)} not used, in a folder below, as {passed[0].relative_to(folder)}" if passed else ""
