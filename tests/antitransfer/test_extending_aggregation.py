"""The example of docs/extending.md that adds an aggregation."""

import runpy
from pathlib import Path

import pytest
import torch

from hamiltone.antitransfer import AGGREGATIONS, DISTANCES, GramTargets, map_distance

EXAMPLE = Path(__file__).parents[2] / "examples" / "extending" / "aggregation.py"


@pytest.fixture
def example(own_registries):
    return runpy.run_path(str(EXAMPLE))


def test_it_is_registered_and_needs_whole_maps(example):
    assert "deviation" in AGGREGATIONS
    assert not any(GramTargets.serve("deviation", distance) for distance in DISTANCES)
    a, b = torch.rand(2, 3, 4, 5, 6, dtype=torch.float64)
    u, v = (maps.numpy().std(axis=(2, 3)) for maps in (a, b))
    cosine = (u * v).sum(1) / ((u * u).sum(1) * (v * v).sum(1)) ** 0.5
    assert map_distance(a, b, "deviation").tolist() == pytest.approx((cosine**2).tolist(), abs=1e-12)


@pytest.mark.parametrize("distance", ["squared_cosine", "negative_sigmoid_mse"])
def test_first_derivatives(example, distance):
    a, b = torch.rand(2, 2, 3, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    a, b = a.requires_grad_(), b.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: map_distance(a, b, "deviation", distance), (a, b))


def test_a_constant_map_has_no_gradient_that_is_not_a_number(example):
    a, b = torch.rand(2, 2, 3, 4)
    b[:, 1] = 0
    b.requires_grad_()
    map_distance(a, b, "deviation").sum().backward()
    assert b.grad is not None
    assert b.grad.isfinite().all() and (b.grad[:, 1] == 0).all() and (b.grad[:, 0] != 0).any()


def test_training_makes_the_similarity_smaller(example):
    similarities = example["train"](20)
    assert similarities[-1] < 0.9 * similarities[0]
