"""The verbs that fetch corpora and add to them: corpus get, corpus align."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hamiltone.cli._corpora import corpus_app
from hamiltone.cli._options import Quiet, corpus_and_root
from hamiltone.cli._printing import GOES_ON, interruptible, progress

if TYPE_CHECKING:
    from hamiltone.corpora import Archive, Source


@corpus_app.command("get")
def corpus_get(
    name: Annotated[
        str | None,
        typer.Argument(help="Which corpus; of some it says how to get them. Without a name it lists them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder that gets the corpus' folder; $HAMILTONE_DATA, or else data/."),
    ] = None,
    part: Annotated[list[str] | None, typer.Option("--part", help="A part, as dev-clean; may be given again.")] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You have read the licence and keep to it: do not ask.")
    ] = False,
    mirror: Annotated[
        str | None, typer.Option("--mirror", metavar="URL", help="Where the archives lie, instead of the publishers'.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Fetch an open corpus: checked, resumed where it broke off, unpacked whole or not at all.

    What is there already is not fetched again; the exit code is 1 when it is not whole.
    """
    from hamiltone.corpora import CorpusError, get_corpus, load_corpus, source_of

    if name is None:
        print_sources()
        return
    source = source_of(name)
    archives = source.chosen(name, tuple(part or ()))
    if not accept_licence and sys.stdin is not None and sys.stdin.isatty():
        print_source(source, archives, mirror)
        accept_licence = _accepted()
        if not accept_licence:
            raise CorpusError(f"{name}: without its licence nothing is fetched")
    folder = out or Path(os.environ.get("HAMILTONE_DATA", "data"))
    before = [archive.part for archive in archives if (folder.expanduser() / name / archive.place).exists()]
    with progress(name, quiet=quiet, in_bytes=True, advice=GOES_ON) as report:
        place = get_corpus(
            name, folder, accept_licence=accept_licence, parts=tuple(part or ()), mirror=mirror, report=report
        )
    try:
        utterances = load_corpus(name, place)
    except CorpusError as error:
        if not before:
            raise
        lacking = str(error)
    else:
        lacking = utterances.part
        print(utterances)
    if lacking and before:
        which = f" ({', '.join(before)})" if len(archives) > 1 else ""
        print(f"{place}{which} was there already and was not fetched, and it is not whole: {lacking}")
        print("remove it, or get the corpus into another folder (--out)")
        raise typer.Exit(1)
    print(f"all of it: {place}")


def _accepted() -> bool:
    with interruptible():
        try:
            return typer.confirm("Do you accept the licence?")
        except typer.Abort:  # what becomes of Ctrl-C, and of the end of the input, at a question
            print()
            raise KeyboardInterrupt from None


def print_sources() -> None:
    from hamiltone.corpora import CORPORA

    for name, corpus in CORPORA.items():
        if corpus.source is not None:
            what = corpus.source if isinstance(corpus.source, str) else corpus.source.title
            print(f"{name}: {what} (licence: {corpus.licence})")


def print_source(source: "Source", archives: "list[Archive]", mirror: str | None) -> None:
    print(source.title)
    for archive in archives:
        size = f"{archive.size / 1e6:,.0f} MB" if archive.size else "of unknown size"
        print(f"  {archive.name}, {size}, from {archive.address(mirror)}")
    print(f"licence: {source.licence}\n  {source.page}")


@corpus_app.command("align")
def corpus_align(
    corpus: Annotated[
        str, typer.Argument(metavar="NAME=ROOT", help="An English corpus with transcripts, and its folder or table.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where the alignments go, instead of alignments/ in the corpus' own folder."),
    ] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="How many work side by side.")] = 1,
    quiet: Quiet = False,
) -> None:
    """Find where each word begins and ends, from the transcripts; interrupted, the same command goes on.

    Without --out it writes into the corpus' own folder (alignments/ in it), where the corpora of words look.
    """
    from hamiltone.corpora import align_words, load_corpus

    name, root = corpus_and_root(corpus)
    utterances = load_corpus(name, root)
    with progress(name, quiet=quiet, advice=GOES_ON) as report:
        alignment = align_words(utterances, out, processes=processes, report=report)
    print(f"{name}: {alignment.aligned} of {alignment.utterances} utterances aligned ({alignment.before} before)")
    for utterance, reason in list(alignment.not_aligned.items())[:3]:
        print(f"not aligned: {utterance}: {reason}")
    print(f"all of it: {alignment.folder}")
