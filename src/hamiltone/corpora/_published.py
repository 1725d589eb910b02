"""What is known of each corpus before it is looked at: its tree and its published size."""

from collections.abc import Callable

from . import (
    _audformat,
    _crema_d,
    _emodb,
    _folder,
    _fsdd,
    _iemocap,
    _librispeech,
    _ravdess,
    _speech_commands,
    _tess,
)
from ._utterances import Utterances
from ._whole import Whole

_EVALUATED = f"{_iemocap.TREE}, and SessionN/dialog/EmoEvaluation/DIALOGUE.txt"

_RECORDINGS = {
    "crema_d": _crema_d.TREE,
    "iemocap": _EVALUATED,
    "librispeech": _librispeech.TREE,
    "ravdess": _ravdess.TREE,
    "tess": _tess.TREE,
}

TREES: dict[str, str] = {
    "audformat": _audformat.TREE,
    "crema_d": _crema_d.TREE,
    "emodb": _emodb.TREE,
    "folder": _folder.TREE,
    "fsdd": f"{_fsdd.TREE} (digit, speaker, take)",
    "iemocap": _EVALUATED,
    "iemocap-merged4": _EVALUATED,
    "librispeech": f"{_librispeech.TREE}, and SPEAKER-CHAPTER.trans.txt beside them",
    "ravdess": _ravdess.TREE,
    "speech_commands": _speech_commands.TREE,
    "synthetic": "none: the corpus is made on first use",
    "table": "a file .csv, .tsv, .jsonl or .parquet with the columns path, speaker and emotion",
    "tess": _tess.TREE,
    **{f"{name}-words": f"{tree}, and alignments anywhere below" for name, tree in _RECORDINGS.items()},
}
"""How each corpus lies on the disk."""

_WHOLES: dict[str, Whole | Callable[[Utterances], Whole | None]] = {
    "crema_d": _crema_d.WHOLE,
    "emodb": _emodb.WHOLE,
    "fsdd": _fsdd.whole_fsdd,
    "iemocap": _iemocap.WHOLE_PAPER4,
    "iemocap-merged4": _iemocap.WHOLE_MERGED4,
    "librispeech": _librispeech.whole_librispeech,
    "ravdess": _ravdess.WHOLE,
    "speech_commands": _speech_commands.whole_speech_commands,
    "tess": _tess.WHOLE,
}


def published(name: str, utterances: Utterances) -> Whole | None:
    """The published size of a corpus; None where there is none.

    Args:
        name: of the loader.
        utterances: what it found, which tells the version or the splits.
    """
    whole = _WHOLES.get(name)
    return whole(utterances) if callable(whole) else whole
