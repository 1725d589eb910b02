"""Fetching of corpora by name."""

from collections.abc import Sequence
from pathlib import Path

from ..fetch import Source, fetch
from ..utterances import CorpusError, Report
from ._registry import CORPORA


def source_of(corpus: str) -> Source:
    """The source of a corpus.

    Raises:
        CorpusError: a corpus that cannot be fetched (says what to do instead), or an unknown one.
    """
    sources = {name: known.source for name, known in CORPORA.items() if known.source is not None}
    source = sources.get(corpus)
    if source is None:
        there = sorted(sources, key=lambda name: isinstance(sources[name], str))
        raise CorpusError(f"{corpus!r} cannot be fetched: there are {', '.join(there)}")
    if isinstance(source, str):
        raise CorpusError(f"{corpus}: {source}")
    return source


def get_corpus(
    name: str,
    out: Path,
    *,
    accept_licence: bool,
    parts: Sequence[str] = (),
    mirror: str | None = None,
    report: Report | None = None,
) -> Path:
    """Fetch a corpus and unpack it below a folder.

    Archives are checked against published checksums. What is there already is not fetched again; what broke off goes
    on where it was. An archive is removed when it is unpacked.

    Args:
        name: a corpus that has a source (``source_of``).
        out: the folder that gets the corpus' folder ``NAME``.
        accept_licence: that you have read the licence of the source and keep to it.
        parts: which parts; the source's default ones when empty.
        mirror: an address below which the archives lie by their names, instead of the publishers'.
        report: told of progress.

    Returns:
        The corpus' folder, for ``load_corpus``.

    Raises:
        CorpusError: an unknown corpus or part, or one that must be asked for; the licence is not accepted; no address;
            too little free space; a server that refuses, stalls or breaks off too often; another checksum; an archive
            that holds what no corpus does.
    """
    source = source_of(name)
    archives = source.chosen(name, tuple(parts))
    if not accept_licence:
        raise CorpusError(
            f"{name}: its licence is {source.licence} ({source.page}); accept it by accept_licence (--accept-licence)"
        )
    folder = Path(out).expanduser().absolute() / name
    fetch(archives, folder, mirror=mirror, report=report)
    return folder
