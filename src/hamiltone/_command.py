"""The command from its first moment on: to interrupt it is one line, even while modules are being imported."""

import sys

from hamiltone.interruption import end_when_asked, was_asked


def main() -> None:
    """Run ``hamiltone``; see ``hamiltone.cli.main`` for its exit codes."""
    end_when_asked()
    try:
        from hamiltone.cli import main as run  # noqa: PLC0415 - takes a while, and may be interrupted

        run()
    except BaseException as error:
        # An import that is interrupted may fail with any error.
        if isinstance(error, SystemExit) or not was_asked():
            raise
        print("hamiltone: interrupted", file=sys.stderr)
        sys.exit(130)
