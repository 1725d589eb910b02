"""The verbs that make corpora: corpus align."""

from pathlib import Path
from typing import Annotated

import typer

from hamiltone.cli._corpora import corpus_app
from hamiltone.cli._options import Quiet
from hamiltone.cli._printing import progress


@corpus_app.command("align")
def corpus_align(
    corpus: Annotated[
        str, typer.Argument(metavar="NAME=ROOT", help="An English corpus with transcripts, and its folder or table.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the alignments go; alignments/ in the corpus' folder.")
    ] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="How many work side by side.")] = 1,
    quiet: Quiet = False,
) -> None:
    """Find where each word begins and ends, from the transcripts; interrupted, the same command goes on."""
    from hamiltone.corpora import align_words, load_corpus

    name, _, root = corpus.partition("=")
    utterances = load_corpus(name, root or None)
    with progress(name, quiet=quiet) as report:
        alignment = align_words(utterances, out, processes=processes, report=report)
    print(f"{name}: {alignment.aligned} of {alignment.utterances} utterances aligned ({alignment.before} before)")
    for utterance, reason in list(alignment.not_aligned.items())[:3]:
        print(f"not aligned: {utterance}: {reason}")
    print(f"all of it: {alignment.folder}")
