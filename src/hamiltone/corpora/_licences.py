"""The licences of the corpora's recordings, which hold for weights learned from them, too."""

from collections.abc import Iterable

_LICENCES = {
    "crema_d": "ODbL 1.0",
    "emodb": "free to use; CC0 1.0 in its audEERING edition",
    "fsdd": "CC BY-SA 4.0",
    "iemocap": "IEMOCAP's own, on request, for research",
    "librispeech": "CC BY 4.0",
    "ravdess": "CC BY-NC-SA 4.0, non-commercial",
    "speech_commands": "CC BY 4.0",
    "synthetic": "none: voices of eSpeak NG",
    "tess": "CC BY-NC-ND 4.0, non-commercial",
}


def licences(corpora: Iterable[str]) -> dict[str, str]:
    """The licence of each corpus, by its name; of a corpus of one's own it is not known here.

    >>> licences(["librispeech-words", "folder"])
    {'librispeech-words': 'CC BY 4.0', 'folder': 'that of your own recordings'}
    """
    return {name: _LICENCES.get(name.partition("-")[0], "that of your own recordings") for name in corpora}
