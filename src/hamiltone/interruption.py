"""Interruptions: Ctrl-C, and a request to terminate, as KeyboardInterrupt."""

import signal
from types import FrameType

_asked = False


def end_when_asked() -> None:
    """Let Ctrl-C, and a request to terminate, as a queue sends it when the time is over, raise KeyboardInterrupt."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as a shell has it for what runs behind it
        signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)


def was_asked() -> bool:
    """Whether an interruption has come since ``end_when_asked``."""
    return _asked


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    global _asked  # noqa: PLW0603 - one process, one command
    _asked = True
    raise KeyboardInterrupt
