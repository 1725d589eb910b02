"""The command itself: the verbs hang below it, and what goes wrong is told in one line."""

import io
import os
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from hamiltone import __version__
from hamiltone.cli._printing import Interruption, interruptible
from hamiltone.errors import HamiltoneError, system_line


class _Verbs(TyperGroup):
    """Verbs that tell when they were interrupted; typer would end them without a word."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        with interruptible():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        with interruptible():
            return super().invoke(ctx)


app = typer.Typer(
    name="hamiltone",
    cls=_Verbs,
    help="Quaternion anti-transfer learning for speech emotion recognition.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run a verb; a user's mistake is one line on standard error and exit code 2, an interruption exit code 130."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name or a bar that cannot be shown here ends nothing
        sys.stdout.reconfigure(errors="backslashreplace")
    if "" in sys.argv[1:]:  # which would be the current folder where a path is asked for
        _fail("an argument is empty, as that of a variable which is not set: give it, or leave it out")
    os.environ.pop("MPLBACKEND", None)  # of a notebook, and perhaps not installed here; pictures go into files alone
    try:
        app()
    except HamiltoneError as error:
        _fail(str(error))
    except Interruption as interruption:
        _fail(str(interruption), code=130)
    except OSError as error:  # a full disk, a folder that may not be written: the user's to mend, too
        _fail(system_line(error))


def _fail(message: str, code: int = 2) -> NoReturn:
    print(f"hamiltone: {message}", file=sys.stderr)
    sys.exit(code)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit
