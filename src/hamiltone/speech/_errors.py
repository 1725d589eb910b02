"""The error of this folder."""

from hamiltone.errors import HamiltoneError


class AudioError(HamiltoneError):
    """A file, or the part of it that was asked for, cannot be used as sound: one line that names the file."""
