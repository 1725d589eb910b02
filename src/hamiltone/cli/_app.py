"""The command itself: the verbs hang below it, and what goes wrong is told in one line."""

import io
import signal
import sys
from typing import Annotated, NoReturn

import typer

from hamiltone import __version__
from hamiltone.errors import HamiltoneError

app = typer.Typer(
    name="hamiltone",
    help="Quaternion anti-transfer learning for speech emotion recognition.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run a verb; a user's mistake is one line on standard error and exit code 2, an interruption exit code 130."""
    end_as_if_interrupted()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name or a bar that cannot be shown here ends nothing
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except HamiltoneError as error:
        _fail(str(error))
    except OSError as error:  # a full disk, a folder that may not be written: the user's to mend, too
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}")


def end_as_if_interrupted() -> None:
    """Let a request to terminate, as a queue sends it when the time is over, be what Ctrl-C is."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _fail(message: str) -> NoReturn:
    print(f"hamiltone: {message}", file=sys.stderr)
    sys.exit(2)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit
