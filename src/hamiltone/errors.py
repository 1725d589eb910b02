"""The one kind of error that is the user's to mend, and the system's errors in a line."""

from unicodedata import category

_LONGEST, _END = 1000, 300
_ACTING = {"Cc", "Cs"}  # controls, and halves of signs


class HamiltoneError(Exception):
    """A mistake in what was asked: the message is one line and says what, where and what to do.

    The command line prints the message and exits with code 2; every other exception is a defect of ours.
    Each folder that meets user input derives its own kind (``AudioError``, ``CorpusError``, ...).
    """

    def __init__(self, message: str) -> None:
        line = " ".join(message.split())
        if not line.isprintable():  # what a stranger's file says must not act on a terminal
            line = "".join(ascii(sign)[1:-1] if category(sign) in _ACTING else sign for sign in line)
        if len(line) > _LONGEST:
            line = f"{line[: _LONGEST - _END]} ... {line[-_END:]}"  # what to do stands at the end
        super().__init__(line)


def system_reason(error: Exception) -> str:
    """Why something could not be read, without the number and the path that the system's errors have."""
    return getattr(error, "strerror", None) or str(error)


def system_line(error: OSError) -> str:
    """What the system refused, in one line: a disk that is full, a folder that may not be written."""
    return f"{error.filename or 'a file'}: {error.strerror or error}"
