"""Corpora by name."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from ._fsdd import load_fsdd
from ._librispeech import load_librispeech
from ._ravdess import load_ravdess
from ._synthetic import load_synthetic
from ._utterances import CorpusError, Utterances

CORPORA: dict[str, Callable[[Path | None], Utterances]] = {
    "fsdd": load_fsdd,
    "librispeech": load_librispeech,
    "ravdess": load_ravdess,
    "synthetic": load_synthetic,
}
"""Name -> the function from its folder to its utterances."""


def load_corpus(name: str, root: str | Path | None = None) -> Utterances:
    """Load a corpus by name.

    Args:
        name: a key of ``CORPORA``.
        root: the corpus' folder; ``synthetic`` needs none and is made on first use.

    Raises:
        CorpusError: an unknown name, a missing folder, or a folder that holds something else.
    """
    if name not in CORPORA:
        near = get_close_matches(name.lower(), CORPORA, n=1, cutoff=0.0)
        raise CorpusError(f"no corpus {name!r}: did you mean {near[0]!r}? There are {', '.join(CORPORA)}")
    return CORPORA[name](None if root is None else Path(root))
