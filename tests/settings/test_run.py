"""The names that settings know without torch are those of the loss."""

from hamiltone import antitransfer
from hamiltone.settings._run import AGGREGATIONS, DISTANCES


def test_aggregations_and_distances_are_those_of_the_loss() -> None:
    assert set(AGGREGATIONS) == set(antitransfer.AGGREGATIONS)
    assert set(DISTANCES) == set(antitransfer.DISTANCES)
