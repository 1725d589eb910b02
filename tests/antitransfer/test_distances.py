"""Every aggregation with every distance against plain loops in numpy."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hamiltone.antitransfer import (
    AGGREGATIONS,
    DISTANCES,
    AntiTransferLoss,
    GramTargets,
    map_distance,
    register_aggregation,
    register_distance,
)

SHAPES = [(3, 4, 5, 6), (3, 12, 2, 3), (2, 5, 7), (2, 6)]
PER_EXAMPLE = ("squared_cosine", "negative_sigmoid_mse")  # those over the batch: test_alignment.py
EVERY = [(aggregation, distance) for aggregation in AGGREGATIONS for distance in PER_EXAMPLE]


def aggregate(f: np.ndarray, aggregation: str) -> np.ndarray:
    """One example's matrix (channel, position) as the vector that is compared."""
    forms: dict[str, Callable[[], np.ndarray]] = {
        "gram": lambda: np.array([[row @ other for other in f] for row in f]),
        "centred_gram": lambda: np.cov(f, bias=True) * f.shape[1],
        "pooled": lambda: np.array([sum(row) / len(row) for row in f]),
        "none": lambda: f,
        "mean": lambda: np.add.reduce(f) / len(f),
        "sum": lambda: np.add.reduce(f),
        "max": lambda: np.maximum.reduce(f),
        "product": lambda: np.multiply.reduce((f + 1e-10) ** 0.001),
    }
    return np.ravel(forms[aggregation]())


def oracle(a: Tensor, b: Tensor, aggregation: str, distance: str) -> list[float]:
    values = []
    for f, h in zip(a.double().numpy(), b.double().numpy(), strict=True):
        u, v = (aggregate(x.reshape(len(x), -1), aggregation) for x in (f, h))
        if distance == "squared_cosine":
            values.append(float((u @ v) ** 2 / ((u @ u) * (v @ v))))
        else:
            values.append(-1 / (1 + math.exp(-float(np.mean((u - v) ** 2)))))
    return values


def pair(shape: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return a.to(dtype), b.to(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("aggregation", "distance"), EVERY)
def test_equals_plain_loops(shape, aggregation, distance):
    a, b = pair(shape)
    if (aggregation, len(shape)) == ("centred_gram", 2):  # one position has no deviation
        assert map_distance(a, b, aggregation, distance).tolist() == ([0, 0] if "cosine" in distance else [-0.5, -0.5])
        return
    value = map_distance(a, b, aggregation, distance)
    assert value.tolist() == pytest.approx(oracle(a, b, aggregation, distance), abs=1e-12)


@pytest.mark.parametrize(("aggregation", "distance"), EVERY)
def test_first_derivatives(aggregation, distance):
    a, b = (x.requires_grad_() for x in pair((2, 3, 2, 2), seed=1))
    assert torch.autograd.gradcheck(lambda a, b: map_distance(a, b, aggregation, distance), (a, b))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(EVERY), st.integers(0, 2**31), st.tuples(*3 * [st.integers(1, 5)]))
def test_symmetric_and_within_bounds(case, seed, shape):
    a, b = pair(shape, seed)
    value = map_distance(a, b, *case)
    low, high = (0, 1 + 1e-12) if case[1] == "squared_cosine" else (-1, -0.5)
    assert ((value >= low) & (value <= high)).all()
    torch.testing.assert_close(map_distance(b, a, *case), value, rtol=0, atol=1e-12)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_equal_maps_are_wholly_alike(aggregation):
    a, _ = pair((3, 4, 5))
    torch.testing.assert_close(map_distance(a, a, aggregation), torch.ones(3, dtype=torch.float64))
    like = map_distance(a, a, aggregation, "negative_sigmoid_mse")
    torch.testing.assert_close(like, torch.full((3,), -0.5, dtype=torch.float64))


@pytest.mark.parametrize("aggregation", ["gram", "centred_gram", "pooled", "none", "mean", "sum", "max"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_zero_maps_have_cosine_0_and_no_gradient(aggregation, dtype):
    a, b = pair((3, 4, 5), dtype=dtype)
    b[0], a[1] = 0, 0
    b.requires_grad_()
    value = map_distance(a, b, aggregation)
    value.sum().backward()
    assert b.grad is not None
    assert value[:2].tolist() == [0, 0] and value[2] > 0
    assert (b.grad[:2] == 0).all() and b.grad[2].isfinite().all() and (b.grad[2] != 0).any()


@pytest.mark.parametrize(("aggregation", "distance"), EVERY)
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-20, 1e20, 1e30])
def test_no_magnitude_gives_nan(aggregation, distance, size):
    a, b = pair((2, 3, 4), dtype=torch.float32)
    b = (b * size).requires_grad_()
    value = map_distance(a * size, b, aggregation, distance)
    value.sum().backward()
    assert b.grad is not None
    assert value.isfinite().all() and b.grad.isfinite().all()
    if distance == "negative_sigmoid_mse" and size >= 1e20 and aggregation != "product":  # which is nearly 1
        assert value.tolist() == [-1, -1]


@pytest.mark.parametrize(("aggregation", "distance"), EVERY)
def test_half_precision_and_autocast_are_computed_in_float32(aggregation, distance):
    a, b = pair((2, 6, 9), dtype=torch.float16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = map_distance(a, b, aggregation, distance)
    assert value.dtype == torch.float32
    assert value.tolist() == pytest.approx(oracle(a, b, aggregation, distance), rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.floats(-100, 100))
def test_a_centred_gram_matrix_does_not_see_the_level_of_a_channel(seed, level):
    a, b = pair((3, 4, 5), seed)
    raised = b + level * torch.arange(4.0)[:, None]
    expected = map_distance(a, b, "centred_gram")
    torch.testing.assert_close(map_distance(a, raised, "centred_gram"), expected, rtol=0, atol=1e-9)
    assert level == 0 or not torch.allclose(map_distance(a, b + 1, "gram"), map_distance(a, b, "gram"))


def test_maps_that_are_level_everywhere_have_nothing_in_common_once_centred():
    a, b = pair((2, 3, 7), dtype=torch.float32)
    b[0] = torch.tensor([0.1, 0.3, 0.7])[:, None]  # whose mean over seven is not exactly itself
    assert (b[0] - b[0].mean(1, keepdim=True)).any(), "rounding must have left something"
    b.requires_grad_()
    value = map_distance(a, b, "centred_gram")
    value.sum().backward()
    assert b.grad is not None
    assert value[0] == 0 and value[1] > 0 and (b.grad[0] == 0).all() and (b.grad[1] != 0).any()


def test_the_product_of_many_channels_does_not_underflow():
    a, b = pair((1, 40_000, 3), dtype=torch.float32)
    b.requires_grad_()
    value = map_distance(a, b, "product")
    value.sum().backward()
    assert b.grad is not None and b.grad.isfinite().all()
    assert value.tolist() == pytest.approx(oracle(a, b.detach(), "product", "squared_cosine"), rel=1e-4)


def test_the_product_refuses_negative_values():
    a, b = pair((2, 3, 4))
    with pytest.raises(ValueError, match="'product' needs maps without negative values"):
        map_distance(a, -b, "product")


def test_unknown_names_and_other_shapes_are_refused():
    a, b = pair((2, 3, 4))
    with pytest.raises(
        ValueError, match="unknown aggregation 'median': choose one of gram, centred_gram, pooled, none, mean"
    ):
        map_distance(a, b, "median")
    with pytest.raises(ValueError, match="unknown distance 'l1': choose one of squared_cosine, negative_sigmoid_mse"):
        map_distance(a, b, distance="l1")
    with pytest.raises(ValueError, match=r"same shape, got \(2, 3, 4\) and \(2, 2, 4\)"):
        map_distance(a, b[:, :2], "mean")


def test_what_is_registered_is_used_in_float32_and_without_autocast(own_registries):
    seen = []

    def first_channel(maps):
        seen.append((maps.dtype, tuple(maps.shape), torch.is_autocast_enabled("cpu")))
        return maps[:, :1]

    register_aggregation("first_channel", first_channel)
    register_distance("l1", lambda u, v: -(u - v).abs().flatten(1).sum(1))
    assert "first_channel" in AGGREGATIONS and "l1" in DISTANCES
    a, b = pair((2, 3, 4, 5), dtype=torch.float16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = map_distance(a, b, "first_channel", "l1")
    assert seen == [(torch.float32, (2, 3, 20), False)] * 2
    torch.testing.assert_close(value, -(a.float() - b.float()).abs()[:, 0].sum((1, 2)))
    gram = map_distance(a.double(), b.double(), "gram", "l1")
    difference = torch.einsum("bcts,bdts->bcd", a.double(), a.double()) - torch.einsum(
        "bcts,bdts->bcd", *2 * [b.double()]
    )
    torch.testing.assert_close(gram, -difference.abs().sum((1, 2)))


@pytest.mark.parametrize(
    ("register", "kind", "taken"),
    [(register_aggregation, "aggregation", "max"), (register_distance, "distance", "squared_cosine")],
)
def test_names_that_are_taken_or_empty_cannot_be_registered(register, kind, taken):
    for name in (taken, ""):
        with pytest.raises(
            ValueError, match=rf"the {kind} '{name}' cannot be registered: choose a name besides .*{taken}"
        ):
            register(name, lambda *maps: maps[0])


def test_results_of_another_shape_are_refused(own_registries):
    a, b = pair((2, 3, 4))
    register_aggregation("one_number", lambda maps: maps.sum((1, 2)))
    register_aggregation("whole_batch", lambda maps: maps.sum(0, keepdim=True))
    register_aggregation("several", lambda maps: (maps, maps))  # pyright: ignore[reportArgumentType]
    register_distance("of_positions", lambda u, v: (u - v).square())
    message = r"must give \(batch, ...\) with a row for each of 2 examples, not "
    for name, result in (("one_number", r"\(2,\)"), ("whole_batch", r"\(1, 3, 4\)"), ("several", "tuple")):
        with pytest.raises(ValueError, match=f"'{name}' {message}{result}"):
            map_distance(a, b, name)
    with pytest.raises(ValueError, match=r"must give one number per example, or one for the batch, not \(2, 4\)"):
        map_distance(a, b, "mean", "of_positions")


@pytest.mark.parametrize(("aggregation", "distance"), EVERY)
def test_gram_targets_are_taken_where_they_say_that_they_serve(aggregation, distance):
    kind = aggregation if aggregation == "centred_gram" else "gram"
    targets = {1: GramTargets.of(torch.rand(2, 3, 4), aggregation=kind)}
    if GramTargets.serve(aggregation, distance):
        AntiTransferLoss(targets, [1], aggregation=aggregation, distance=distance)
    else:
        with pytest.raises(ValueError, match=f"GramTargets of {kind} do not serve {aggregation} with {distance}: "):
            AntiTransferLoss(targets, [1], aggregation=aggregation, distance=distance)
