"""The kind of mistake that is particular to studies."""

from hamiltone.errors import HamiltoneError


class StudyError(HamiltoneError):
    """A study that cannot be planned or carried out as asked."""
