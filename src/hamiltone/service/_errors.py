"""The mistakes of whoever asks a trained model for something."""

from hamiltone.errors import HamiltoneError


class ServiceError(HamiltoneError):
    """A model that is not there, an export that cannot be made, no recordings, a service that cannot start."""
