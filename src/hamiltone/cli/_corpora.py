"""The sub-command of corpora; its verbs stand in files of their own."""

import typer

from hamiltone.cli._app import app

corpus_app = typer.Typer(help="Corpora: get them, check them, look for leaks, align words.", no_args_is_help=True)
app.add_typer(corpus_app, name="corpus")


@corpus_app.callback()
def _with_extensions() -> None:
    """A corpus of an extension that has the name of another one is refused, and never taken for it."""
    from hamiltone.extensions import load_extensions

    load_extensions()
