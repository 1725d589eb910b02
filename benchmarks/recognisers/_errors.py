"""The error of the comparison of recognisers."""

from hamiltone.errors import HamiltoneError


class ComparisonError(HamiltoneError):
    """A comparison that cannot be made as asked."""
