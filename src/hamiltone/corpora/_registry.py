"""Corpora by name."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path

from ._audformat import AUDFORMAT_OPTIONS, load_audformat
from ._crema_d import load_crema_d
from ._emodb import load_emodb
from ._folder import FOLDER_OPTIONS, load_folder
from ._folders import absence
from ._fsdd import load_fsdd
from ._iemocap import load_iemocap, load_iemocap_merged4
from ._librispeech import load_librispeech
from ._ravdess import load_ravdess
from ._speech_commands import load_speech_commands
from ._synthetic import load_synthetic
from ._table import load_table
from ._tess import load_tess
from ._utterances import CorpusError, Utterances
from ._words import WORD_CORPORA, WordChoice, load_words, word_segments

CORPORA: dict[str, Callable[[Path | None], Utterances]] = {
    "audformat": load_audformat,
    "crema_d": load_crema_d,
    "emodb": load_emodb,
    "folder": load_folder,
    "fsdd": load_fsdd,
    "iemocap": load_iemocap,
    "iemocap-merged4": load_iemocap_merged4,
    "librispeech": load_librispeech,
    "ravdess": load_ravdess,
    "speech_commands": load_speech_commands,
    "synthetic": load_synthetic,
    "table": load_table,
    "tess": load_tess,
    **{name: load_words(load) for name, load in WORD_CORPORA.items()},
}
"""Name -> the function from its folder to its utterances; ``audformat``, ``folder`` and ``table`` are for your own."""

_WITH_OPTIONS: dict[str, Callable[[Path | None, Mapping[str, str]], Utterances]] = {
    "audformat": load_audformat,
    "folder": load_folder,
}
_OPTIONS = {"audformat": AUDFORMAT_OPTIONS, "folder": FOLDER_OPTIONS}


def load_corpus(
    name: str,
    root: str | Path | None = None,
    words: WordChoice | None = None,
    options: Mapping[str, str] | None = None,
) -> Utterances:
    """Load a corpus by name.

    Args:
        name: a key of ``CORPORA``.
        root: the corpus' folder, or the file of a ``table``; ``synthetic`` needs none and is made on first use.
        words: of a corpus of words (as ``librispeech-words``), which words; None: the paper's.
        options: of ``folder``, a pattern of the ``speaker``; of ``audformat``, which ``table``, and what ``emotion``,
            ``speaker`` and ``text`` are called.

    Raises:
        CorpusError: an unknown name, a missing folder, a folder that holds something else, a recording that is a
            broken link or does not exist, a choice of words for a corpus that is not cut into words, or options that a
            corpus does not have.
    """
    _check_name(name)
    if words is not None and name not in WORD_CORPORA:
        raise CorpusError(f"{name}: is not cut into words to choose among: leave words out, or take librispeech-words")
    known = _OPTIONS.get(name, ())
    if unknown := [option for option in options or {} if option not in known]:
        there = f"there is {', '.join(known)}" if known else "it has none"
        raise CorpusError(f"{name}: has no option {unknown[0]!r}: {there}")
    folder = None if root is None else Path(root)
    if words is not None:
        utterances = word_segments(WORD_CORPORA[name](folder), words)
    else:
        utterances = _WITH_OPTIONS[name](folder, options) if options else CORPORA[name](folder)
    if name != "table":  # which names the line
        _refuse_absent(utterances)
    return utterances


def listed_corpus(name: str, root: str | Path | None) -> Utterances:
    """Load a corpus for a look at it: as ``load_corpus``, but recordings that are not there are among the others.

    Nothing is written into a folder that is looked at; ``synthetic`` without one is made in the cache.

    Raises:
        CorpusError: as ``load_corpus``.
    """
    _check_name(name)
    folder = None if root is None else Path(root)
    if name == "table":
        return load_table(folder, absent=True)
    if name == "synthetic":
        return load_synthetic(folder, make=folder is None)
    return CORPORA[name](folder)


def _check_name(name: str) -> None:
    if name not in CORPORA:
        near = get_close_matches(name.lower(), CORPORA, n=1, cutoff=0.0)
        raise CorpusError(f"no corpus {name!r}: did you mean {near[0]!r}? There are {', '.join(CORPORA)}")


def _refuse_absent(utterances: Utterances) -> None:
    paths = utterances.table["path"].unique().tolist()
    if absent := [(path, problem) for path in paths if (problem := absence(path))]:
        more = f" ({len(absent)} of {len(paths)} recordings are not there)" if len(absent) > 1 else ""
        raise CorpusError(f"{utterances.corpus}: {' '.join(absent[0])}{more}: restore or remove it")
