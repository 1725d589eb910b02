"""Notes on an adaptation: what its recordings are too few for, and which of them the model had heard before."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hamiltone.corpora import Utterances
from hamiltone.records import heard_folder, namesakes, read_heard

from ._adaptation_card import by_corpus

FEW_SPEAKERS = 2
_FEW_CLIPS = 10


def too_few(utterances: Utterances, labels: Sequence[str], folds: np.ndarray | None) -> list[str]:
    """What the recordings are too few for, a line each; ``folds`` is None where nothing could be validated."""
    notes = []
    for label in labels:
        its = utterances.select((utterances.table["emotion"] == label).to_numpy())
        speakers = len(its.labels("speaker"))
        if len(its) < _FEW_CLIPS or (folds is not None and speakers < FEW_SPEAKERS):
            whose = f" of {speakers} speaker{'' if speakers == 1 else 's'}" if folds is not None else ""
            count = "1 recording" if len(its) == 1 else f"{len(its)} recordings"
            notes.append(f"{label}: {count}{whose}, too few to rely on")
    if folds is None:
        notes.append("nothing was validated: name the speakers of the recordings, two at least (six for an interval)")
    return notes


def new_classes(labels: Sequence[str], known: Sequence[str]) -> list[str]:
    """A note on classes that the model does not know, and so start from nothing."""
    if not (new := [label for label in labels if label not in known]):
        return []
    one = len(new) == 1
    its = ", ".join(new)
    return [
        f"{its}: {'a class' if one else 'classes'} that the model does not know, which knows {', '.join(known)}; "
        f"where {'it is' if one else 'they are'} of these by another name, say so by --label, as --label anger=angry"
    ]


def heard_before(model: Path, utterances: Utterances) -> list[str]:
    """Notes on recordings that the model was trained on, or that are named as some of them."""
    folder = heard_folder(model)
    if folder is None:
        return []
    what, heard, own = f"the model of {folder}", read_heard(folder), by_corpus(utterances)
    seen = sum(len(names.intersection(heard.get(corpus, []))) for corpus, names in own.items())
    of_these = f"{seen} of these {len(utterances)} recordings"
    told = [f"{what} was trained on {of_these}: the results are too good"] if seen else []
    return told + namesakes(heard, own, "recordings", what)
