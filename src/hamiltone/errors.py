"""The one kind of error that is the user's to mend."""

_LONGEST, _END = 1000, 300


class HamiltoneError(Exception):
    """A mistake in what was asked: the message is one line and says what, where and what to do.

    The command line prints the message and exits with code 2; every other exception is a defect of ours.
    Each folder that meets user input derives its own kind (``AudioError``, ``CorpusError``, ...).
    """

    def __init__(self, message: str) -> None:
        line = " ".join(message.split())
        if not line.isprintable():  # what a stranger's file says must not act on a terminal
            line = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)
        if len(line) > _LONGEST:
            line = f"{line[: _LONGEST - _END]} ... {line[-_END:]}"  # what to do stands at the end
        super().__init__(line)
