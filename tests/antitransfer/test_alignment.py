"""Linear CKA over a batch, plain and debiased, against definitions written out, and what it tells beside equation 1."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hamiltone.antitransfer import (
    AGGREGATIONS,
    debiased_linear_cka,
    linear_cka,
    map_distance,
    squared_gram_cosine,
)

FORMS = {"linear_cka": linear_cka, "debiased_linear_cka": debiased_linear_cka}
DISTANCES = list(FORMS)
quick = settings(max_examples=30, deadline=None)


def pair(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return a, b + a / 2


def written_out(a: Tensor, b: Tensor, distance: str) -> float:
    x, y = (values.double().flatten(1).numpy() for values in (a, b))
    x, y = x - x.mean(0), y - y.mean(0)  # which only rounding notices in the second form
    if distance == "linear_cka":
        cross, own_x, own_y = (np.linalg.norm(u.T @ v) for u, v in ((x, y), (x, x), (y, y)))
        return float(cross**2 / (own_x * own_y))

    def hsic(k: np.ndarray, h: np.ndarray) -> float:
        # Unbiased term by term: the mean over all choices of different examples.
        chosen = permutations(range(len(k)), 4)
        return float(np.mean([k[i, j] * (h[i, j] + h[q, r] - 2 * h[i, q]) for i, j, q, r in chosen]))

    k, h = x @ x.T, y @ y.T
    return hsic(k, h) / (hsic(k, k) * hsic(h, h)) ** 0.5


@pytest.mark.parametrize("shape", [(5, 3), (7, 2), (4, 9), (5, 2, 3)])
@pytest.mark.parametrize("distance", DISTANCES)
def test_equals_the_definition(shape, distance):
    a, b = pair(*shape)
    assert FORMS[distance](a, b).item() == pytest.approx(written_out(a, b, distance), abs=1e-10)
    wider = torch.cat([b, b.square()], 1)
    assert FORMS[distance](a, wider).item() == pytest.approx(written_out(a, wider, distance), abs=1e-10)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("distance", DISTANCES)
def test_of_maps_it_is_that_of_what_is_aggregated(aggregation, distance):
    a, b = pair(5, 3, 2, 4)
    value = map_distance(a, b, aggregation, distance)
    u, v = (AGGREGATIONS.find(aggregation)(maps.flatten(2)) for maps in (a, b))
    assert value.shape == ()
    assert value.item() == pytest.approx(written_out(u, v, distance), abs=1e-9)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("distance", DISTANCES)
def test_first_derivatives(aggregation, distance):
    a, b = (x.requires_grad_() for x in pair(5, 2, 3, seed=1))
    assert torch.autograd.gradcheck(lambda a, b: map_distance(a, b, aggregation, distance), (a, b))


@quick
@given(
    st.integers(0, 2**31),
    st.tuples(st.integers(4, 8), st.integers(1, 6)),
    st.floats(1e-6, 1e6),
    st.sampled_from(DISTANCES),
)
def test_rotation_scale_shift_and_order_do_not_matter(seed, shape, scale, distance):
    a, b = pair(*shape, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    turn, _ = torch.linalg.qr(torch.randn(shape[1], shape[1], generator=generator, dtype=torch.float64))
    order = torch.randperm(shape[0], generator=generator)
    value = FORMS[distance](a, b)
    torch.testing.assert_close(FORMS[distance](a, scale * b @ turn + 3), value, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(FORMS[distance](a[order], b[order]), value, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(FORMS[distance](b, a), value, rtol=0, atol=1e-12)
    torch.testing.assert_close(FORMS[distance](a, a), torch.ones_like(value))
    assert -1 - 1e-9 <= value <= 1 + 1e-9 and (value >= 0 or distance != "linear_cka")


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_features_that_are_the_same_for_all_examples_are_like_no_others(distance, dtype):
    a, b = (x.to(dtype) for x in pair(5, 3))
    b[:] = b[0].clone()
    b.requires_grad_()
    value = FORMS[distance](a, b)
    value.backward()
    assert b.grad is not None
    assert value == 0 and (b.grad == 0).all()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_batch_that_is_too_small_to_tell_counts_nothing(size):
    a, b = pair(size, 3)
    b.requires_grad_()
    value = debiased_linear_cka(a, b)
    value.backward()
    assert b.grad is not None
    assert value == 0 and (b.grad == 0).all()
    assert debiased_linear_cka(*pair(4, 3)) != 0


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e20, 1e30])
def test_no_magnitude_matters(aggregation, distance, size):
    a, b = (x.float() for x in pair(5, 3, 4))
    changed = (b * size).requires_grad_()
    value = map_distance(a * size, changed, aggregation, distance)
    value.backward()
    assert changed.grad is not None and changed.grad.isfinite().all() and value.isfinite()
    if aggregation != "product":
        torch.testing.assert_close(value, map_distance(a, b, aggregation, distance), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("distance", DISTANCES)
def test_half_precision_and_autocast_are_computed_in_float32(distance):
    a, b = (x.half() for x in pair(5, 6, 9))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = map_distance(a, b, "pooled", distance)
    assert value.dtype == torch.float32
    u, v = (x.double().mean(2) for x in (a, b))
    assert value.item() == pytest.approx(written_out(u, v, distance), rel=1e-4, abs=1e-5)


def test_networks_that_were_made_apart_are_told_apart_by_what_they_share():
    """Maps of random readouts of the same information, and of other information: equation 1 sees no difference."""
    generator = torch.Generator().manual_seed(0)

    def information() -> Tensor:
        """Of each example, what lasts and what changes over 30 positions."""
        lasting = torch.randn(40, 6, 1, generator=generator)
        return lasting + 2 * torch.randn(40, 6, 100, generator=generator)

    def network(values: Tensor) -> Tensor:
        return torch.relu(torch.randn(32, 6, generator=generator) @ values)

    ours, theirs = information(), information()
    a, same, other = network(ours), network(ours), network(theirs)
    equation_1 = [squared_gram_cosine(a, b).mean().item() for b in (same, other)]
    debiased = [map_distance(a, b, "pooled", "debiased_linear_cka").item() for b in (same, other)]
    plain = map_distance(a, other, "pooled", "linear_cka").item()
    assert equation_1[0] == pytest.approx(equation_1[1], abs=0.02) and min(equation_1) > 0.15
    assert debiased[0] > 0.7 and abs(debiased[1]) < 0.05
    assert plain > 0.1, "chance, which the plain form counts"
