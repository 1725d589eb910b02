"""Arguments and options that several verbs share."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

Settings = Annotated[Path, typer.Argument(metavar="FILE.toml", help="Settings of the run; ready ones are in configs/.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY.PATH=VALUE]...", help="Settings laid over the file's.")
]
Model = Annotated[
    Path, typer.Option("--model", help="Folder of a saved model, as RUN/model; or the package's four or eight.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def corpus_and_root(text: str) -> tuple[str, str | None]:
    """A corpus' name, and its folder or table, of NAME=ROOT; None where no root is given."""
    from hamiltone.corpora import CorpusError

    name, _, root = text.partition("=")
    if not root and any(sign in name for sign in "/\\"):
        raise CorpusError(f"{text}: has no corpus' name before it; write NAME=ROOT, as ravdess={text}")
    return name, root or None


def command() -> str:
    """The command line as it was typed, for records."""
    return shlex.join(["hamiltone", *sys.argv[1:]])
