"""The one kind of error that is the user's to mend, and the system's errors in a line."""


class HamiltoneError(Exception):
    """A mistake in what was asked: the message is one line and says what, where and what to do.

    The command line prints the message and exits with code 2; every other exception is a defect of ours.
    Each folder that meets user input derives its own kind (``AudioError``, ``CorpusError``, ...).
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def system_line(error: OSError) -> str:
    """What the system refused, in one line: a disk that is full, a folder that may not be written."""
    return f"{error.filename or 'a file'}: {error.strerror or error}"
