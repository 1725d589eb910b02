"""Speakers of the four corpora: who is a woman, and the lists that part them in the protocols ``four`` and ``loco``."""

from itertools import chain
from pathlib import Path

from hamiltone.corpora import SpeakerLists, ready_lists

_WOMEN = {
    "ravdess": tuple(f"{number:02}" for number in range(2, 25, 2)),
    "emodb": ("08", "09", "13", "14", "16"),
    "tess": ("OAF", "YAF"),
    "nemo": ("EB0", "IC0", "KD0", "MK0"),
}
_CORPORA = tuple(_WOMEN)
_JOINED = "+".join(_CORPORA)
_OTHERS = (
    ("emodb/03", "emodb/08", "nemo/KD0", "nemo/KS0"),
    ("emodb/09", "emodb/10", "nemo/IC0", "nemo/TP0"),
    ("emodb/11", "emodb/16", "tess/OAF", "nemo/EB0"),
    ("emodb/12", "nemo/MK0", "nemo/WR0"),
    ("emodb/13", "emodb/15", "nemo/SM0"),
    ("emodb/14", "tess/YAF", "nemo/MP0"),
)
"""Of each fold those who are no actors of RAVDESS. TESS' two are no neighbours: one of them always trains."""


def sex_of(corpus: str, speaker: str) -> str | None:
    """Women or men; None where it is not known.

    Args:
        corpus: the speaker's.
        speaker: as the corpus calls them.
    """
    known = _WOMEN.get(corpus)
    return None if known is None else "women" if speaker in known else "men"


def four_folds() -> SpeakerLists:
    """Six folds over all speakers of four corpora."""
    actors = ready_lists("ravdess", "balanced").folds
    folds = tuple(
        (*(f"ravdess/{actor}" for actor in own), *others) for own, others in zip(actors, _OTHERS, strict=True)
    )
    about = (
        "6 folds: RAVDESS' balanced ones; of EmoDB and nEMO one or two each; TESS' older speaker in 2, the other in 5"
    )
    return SpeakerLists(_JOINED, "four", about, folds=folds)


def without_corpus(corpus: str) -> SpeakerLists:
    """One corpus tests; of the others the speakers of the first of the six folds validate, and all else train."""
    folds = four_folds().folds
    tested = tuple(name for fold in folds for name in fold if name.startswith(f"{corpus}/"))
    others = [tuple(name for name in fold if name not in tested) for fold in folds]
    parts = {"train": tuple(chain(*others[1:])), "validation": others[0], "test": tested}
    about = f"{corpus} tests; of the others fold 0 of the lists called four validates, and all else train"
    return SpeakerLists(_JOINED, f"loco-{corpus}", about, parts=parts)


def write_lists(folder: Path) -> None:
    """Write all lists that the protocols name, each with its hash."""
    for lists in (four_folds(), *map(without_corpus, _CORPORA)):
        lists.write(folder / f"{lists.name}.json")
