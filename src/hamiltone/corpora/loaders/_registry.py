"""The registry of corpora, and loading by name."""

import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from hamiltone.extensions import failures_told, hint, load_extensions

from ..recordings import absence
from ..utterances import AND, WITHIN, CorpusError, Utterances
from ..words import WORDS, WordSettings, word_segments
from ._corpus import Corpus

CORPORA: dict[str, Corpus] = {}
"""The corpora by name: those of the modules of this folder, their words, and those that were registered besides."""


def register_corpus(corpus: Corpus) -> None:
    """Make a corpus known by its name, and the corpus of its words, where it has them.

    Raises:
        CorpusError: the name is taken, or has a sign that joins names in it.
    """
    _add([corpus, *_cut_into_words([corpus])])


def _add(corpora: Sequence[Corpus]) -> None:
    for corpus in corpora:
        if not corpus.name or {AND, WITHIN, "="} & set(corpus.name):
            raise CorpusError(f"{corpus.name!r} is no name of a corpus: it has no {AND}, {WITHIN} or = in it")
        if corpus.name in CORPORA:
            raise CorpusError(f"there is a corpus {corpus.name!r} already: register yours under another name")
    CORPORA.update((corpus.name, corpus) for corpus in corpora)


def _cut_into_words(corpora: Iterable[Corpus]) -> list[Corpus]:
    return [
        replace(
            corpus,
            name=f"{corpus.name}{WORDS}",
            load=lambda root, load=corpus.load: word_segments(load(root)),
            tree=f"{corpus.tree}, and alignments anywhere below",
            whole=None,
            source=None,
            words=False,
            recordings=corpus,
        )
        for corpus in corpora
        if corpus.words
    ]


def _of_modules() -> list[Corpus]:
    """Every ``Corpus`` of every module in this folder."""
    package, _, _ = __name__.rpartition(".")
    names = sorted(found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = [import_module(f"{package}.{name}") for name in names if not name.startswith("_")]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Corpus)]


_add(_of_modules())
_add(_cut_into_words(CORPORA.values()))


def load_corpus(
    name: str,
    root: str | Path | None = None,
    words: WordSettings | None = None,
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
    corpus = _corpus_named(name)
    if words is not None and corpus.recordings is None:
        raise CorpusError(f"{name}: is not cut into words to choose among: leave words out, or take librispeech-words")
    if unknown := [option for option in options or {} if option not in corpus.options]:
        there = f"there is {', '.join(corpus.options)}" if corpus.options else "it has none"
        raise CorpusError(f"{name}: has no option {unknown[0]!r}: {there}")
    folder = None if root is None else Path(root)
    if words is not None and corpus.recordings is not None:
        utterances = word_segments(_loaded(corpus.recordings, folder), words)
    else:
        utterances = _loaded(corpus, folder, options)
    if corpus.listed is None:
        _refuse_absent(utterances)
    return utterances


def _loaded(corpus: Corpus, folder: Path | None, options: Mapping[str, str] | None = None) -> Utterances:
    what = f"corpus {corpus.name}: {getattr(corpus.load, '__name__', 'its loader')}"
    with failures_told(what, beside=(OSError,)):
        utterances = corpus.load(folder, options) if options else corpus.load(folder)
    if not isinstance(utterances, Utterances):
        raise CorpusError(f"{what} gives {type(utterances).__name__}: a loader returns Utterances")
    return utterances


def listed_corpus(name: str, root: str | Path | None) -> Utterances:
    """Load a corpus for a look at it: as ``load_corpus``, but recordings that are not there are among the others.

    Nothing is written into a folder that is looked at; ``synthetic`` without one is made in the cache.

    Raises:
        CorpusError: as ``load_corpus``.
    """
    corpus = _corpus_named(name)
    folder = None if root is None else Path(root)
    return corpus.listed(folder) if corpus.listed else _loaded(corpus, folder)


def licences(corpora: Iterable[str]) -> dict[str, str]:
    """The licence of each corpus, by its name; of a corpus of one's own it is not known here.

    >>> licences(["librispeech-words", "folder"])
    {'librispeech-words': 'CC BY 4.0', 'folder': 'that of your own recordings'}
    """
    return {name: CORPORA[name].licence if name in CORPORA else Corpus.licence for name in corpora}


def speaker_advice(corpora: str) -> str:
    """How a corpus (or several that are one) tells who speaks."""
    ways = [CORPORA[name].naming_speakers for name in corpora.split(AND) if name in CORPORA]
    return next((way for way in ways if way != Corpus.naming_speakers), Corpus.naming_speakers)


def recordings_of(corpus: str, utterances: set[str]) -> tuple[str, set[str]]:
    """The corpus and utterances that words were cut from; of any other corpus itself.

    >>> recordings_of("tess-words", {"OAF_back_sad-000", "OAF_back_sad-003"})
    ('tess', {'OAF_back_sad'})
    """
    if corpus not in CORPORA or (recordings := CORPORA[corpus].recordings) is None:
        return corpus, utterances
    return recordings.name, {name.rpartition("-")[0] for name in utterances}


def _corpus_named(name: str) -> Corpus:
    if name not in CORPORA:
        load_extensions()
    if name not in CORPORA:
        near = get_close_matches(name.lower(), CORPORA, n=1, cutoff=0.0)
        raise CorpusError(f"no corpus {name!r}: did you mean {near[0]!r}? There are {', '.join(CORPORA)}; {hint()}")
    return CORPORA[name]


def _refuse_absent(utterances: Utterances) -> None:
    paths = utterances.table["path"].unique().tolist()
    if absent := [(path, problem) for path in paths if (problem := absence(path))]:
        more = f" ({len(absent)} of {len(paths)} recordings are not there)" if len(absent) > 1 else ""
        raise CorpusError(f"{utterances.corpus}: {' '.join(absent[0])}{more}: restore or remove it")
