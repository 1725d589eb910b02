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


def command() -> str:
    """The command line as it was typed, for records."""
    return shlex.join(["hamiltone", *sys.argv[1:]])
