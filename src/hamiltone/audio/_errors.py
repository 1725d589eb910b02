"""Errors of sound files."""

from hamiltone.errors import HamiltoneError


class AudioError(HamiltoneError):
    """A file, or the part of it that was asked for, cannot be used as sound: one line that names the file."""


class AudioFormatError(AudioError):
    """The file's content is of no kind that is read here."""


class AudioLengthError(AudioError):
    """The recording, or its segment, is longer than was allowed."""
