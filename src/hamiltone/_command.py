"""The command from its first moment on: to interrupt it is one line, even while modules are being imported."""

import signal
import sys
from types import FrameType

_interrupted = False


def main() -> None:
    """Run ``hamiltone``; see ``hamiltone.cli.main`` for its exit codes."""
    end_when_asked()
    try:
        from hamiltone.cli import main as run  # noqa: PLC0415 - takes a while, and may be interrupted

        run()
    except BaseException as error:
        # An import that is interrupted may fail with any error.
        if isinstance(error, SystemExit) or not _interrupted:
            raise
        print("hamiltone: interrupted", file=sys.stderr)
        sys.exit(130)


def end_when_asked() -> None:
    """Let Ctrl-C, and a request to terminate, as a queue sends it when the time is over, raise KeyboardInterrupt."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as a shell has it for what runs behind it
        signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    global _interrupted  # noqa: PLW0603 - one process, one command
    _interrupted = True
    raise KeyboardInterrupt
