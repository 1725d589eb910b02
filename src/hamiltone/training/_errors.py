"""The kind of mistake that is particular to training."""

from hamiltone.errors import HamiltoneError


class TrainingError(HamiltoneError):
    """A training that cannot be begun or cannot go on."""
