"""GramTargets: small stored rows give the loss and the gradient of the maps that they stand for."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.antitransfer import (
    AGGREGATIONS,
    DISTANCES,
    AntiTransferLoss,
    GramTargets,
    PooledTargets,
    frozen_maps,
    map_distance,
    squared_gram_cosine,
    stored_form,
)

# Gram's half smaller than the map; the map smaller; between (more than half as many positions as channels); no space.
SHAPES = [(3, 4, 5, 6), (3, 12, 2, 2), (2, 6, 2, 2), (2, 9, 5), (2, 6), (1, 1, 1)]


def pair(shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator, dtype=torch.float64).relu() for _ in range(2))


def value_and_gradient(compare, maps):
    maps = maps.clone().requires_grad_()
    values = compare(maps)
    values.sum().backward()
    assert maps.grad is not None
    return values.detach(), maps.grad


@pytest.mark.parametrize("shape", SHAPES)
def test_double_precision_targets_equal_the_maps(shape):
    frozen, trained = pair(shape)
    targets = GramTargets.of(frozen, dtype=torch.float64)
    expected = value_and_gradient(lambda maps: squared_gram_cosine(frozen, maps), trained)
    found = value_and_gradient(targets.squared_cosine, trained)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_half_precision_targets_are_within_a_thousandth(shape):
    frozen, trained = (maps.float() for maps in pair(shape, seed=1))
    targets = GramTargets.of(frozen)
    assert targets.values.dtype == torch.float16
    value, gradient = value_and_gradient(lambda maps: squared_gram_cosine(frozen.double(), maps), trained.double())
    found_value, found_gradient = value_and_gradient(targets.squared_cosine, trained)
    torch.testing.assert_close(found_value.double(), value, rtol=1e-3, atol=1e-3)
    assert (found_gradient.double() - gradient).norm() <= 1e-3 * gradient.norm() + 1e-6


@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_is_the_smaller_of_map_and_half_gram(shape):
    channels, positions = shape[1], torch.Size(shape[2:]).numel()
    (frozen, _) = pair(shape)
    targets = GramTargets.of(frozen)
    assert targets.values.shape == (shape[0], min(channels * (channels + 1) // 2, channels * positions))
    assert len(targets) == shape[0]


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4)),
    st.integers(0, 2**31),
    st.floats(1e-12, 1e12),
)
def test_the_scale_of_the_frozen_map_does_not_matter(shape, seed, factor):
    frozen, trained = pair(shape, seed)
    one = GramTargets.of(frozen, dtype=torch.float64).squared_cosine(trained)
    other = GramTargets.of(frozen * factor, dtype=torch.float64).squared_cosine(trained)
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
    assert ((one >= 0) & (one <= 1)).all()


def test_derivative_by_finite_differences():
    for shape in SHAPES:
        frozen, trained = pair(shape, seed=2)
        targets = GramTargets.of(frozen + 0.1, dtype=torch.float64)
        assert torch.autograd.gradcheck(targets.squared_cosine, (trained + 0.1).requires_grad_())


def test_a_map_of_zeros_has_nothing_in_common_with_any():
    for shape in SHAPES:
        _, trained = pair(shape)
        value, gradient = value_and_gradient(GramTargets.of(torch.zeros(shape)).squared_cosine, trained + 1)
        assert not value.any()
        assert not gradient.any()


SERVED = [(a, d) for a in AGGREGATIONS for d in DISTANCES if stored_form(a, d) is not None]


def test_which_comparisons_are_stored_small():
    grams, means = [[pair for pair in SERVED if stored_form(*pair) is kind] for kind in (GramTargets, PooledTargets)]
    assert grams == [("gram", "squared_cosine"), ("centred_gram", "squared_cosine")]
    assert means == [("pooled", distance) for distance in DISTANCES]


@pytest.mark.parametrize("shape", [(6, *shape[1:]) for shape in SHAPES])
@pytest.mark.parametrize(("aggregation", "distance"), SERVED)
def test_targets_of_every_kind_equal_the_maps(shape, aggregation, distance):
    frozen, trained = pair(shape)
    form = stored_form(aggregation, distance)
    assert form is not None
    targets = form.of(frozen, torch.float64, aggregation)
    assert targets.values.shape == (6, form.row_size(shape[1:]))
    expected = value_and_gradient(lambda maps: map_distance(frozen, maps, aggregation, distance), trained)
    found = value_and_gradient(lambda maps: targets.compare(maps, distance), trained)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)
    single = form.of(frozen.half(), aggregation=aggregation)
    near = value_and_gradient(lambda maps: single.compare(maps, distance), trained.half())
    assert near[1].dtype == torch.float16
    torch.testing.assert_close(near[0].double(), expected[0], rtol=5e-2, atol=5e-2)


def test_means_are_kept_whole_and_centred_grams_are_told_from_others():
    maps = torch.rand(3, 4, 5, 6)
    targets = PooledTargets.of(maps)
    assert targets.values.dtype == torch.float32
    torch.testing.assert_close(targets.values, maps.mean((2, 3)))
    with pytest.raises(ValueError, match="GramTargets of centred_gram do not serve gram with squared_cosine"):
        AntiTransferLoss({1: GramTargets.of(maps, aggregation="centred_gram")}, [1])
    with pytest.raises(ValueError, match="PooledTargets of pooled do not serve max"):
        AntiTransferLoss({1: targets}, [1], aggregation="max")
    with pytest.raises(ValueError, match="serve squared_cosine alone, not linear_cka"):
        GramTargets.of(maps).compare(maps, "linear_cka")


@pytest.mark.parametrize(("aggregation", "distance"), SERVED)
@pytest.mark.parametrize("before", [False, True])
def test_rows_serve_the_loss_like_the_live_network_in_every_form(networks, aggregation, distance, before):
    torch.manual_seed(0)
    trained, frozen = networks.vgg_like(), networks.vgg_like()
    x, rows = torch.rand(8, 1, 8, 8), torch.tensor([4, 0, 5, 1, 7])
    form = stored_form(aggregation, distance)
    assert form is not None
    kind = {"aggregation": aggregation, "distance": distance, "before_activation": before}
    maps = frozen_maps(frozen, x, layers=[1, 3], before_activation=before)
    stored = {layer: form.of(value, torch.float32, aggregation) for layer, value in maps.items()}
    values = []
    for loss, arguments in [
        (AntiTransferLoss(frozen, [1, 3], **kind), {}),
        (AntiTransferLoss(stored, [1, 3], **kind), {"index": rows}),
        (AntiTransferLoss(maps, [1, 3], **kind), {"index": rows}),
    ]:
        with loss.attach(trained):
            trained(x[rows])
            values.append(loss(**arguments))
    torch.testing.assert_close(values[1], values[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(values[2], values[0], rtol=1e-5, atol=1e-6)


def test_rows_of_a_data_set_serve_the_loss_like_the_live_network(networks):
    torch.manual_seed(0)
    trained, frozen = networks.vgg_like(), networks.vgg_like()
    x = torch.rand(6, 1, 8, 8)
    layers = [1, 3]
    maps = frozen_maps(frozen, x, layers=layers)
    stored = {layer: GramTargets.of(value) for layer, value in maps.items()}
    rows = torch.tensor([4, 0, 5])

    live = AntiTransferLoss(frozen, layers)
    with live.attach(trained):
        trained(x[rows])
        expected = live()
    loss = AntiTransferLoss(stored, layers)
    with loss.attach(trained):
        trained(x[rows])
        found = loss(index=rows)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    other = AntiTransferLoss({1: GramTargets.of(torch.rand(6, 4, 4, 4))}, [1])
    with other.attach(trained), pytest.raises(ValueError, match=r"layer 1: .*must be equal"):
        trained(x[rows])
        other(index=rows)


def test_what_does_not_fit_is_refused(networks):
    targets = GramTargets.of(torch.rand(2, 4, 3, 3))
    with pytest.raises(ValueError, match=r"rows of 10 values"):
        GramTargets(torch.rand(2, 9), (4, 3, 3))
    with pytest.raises(ValueError, match="got maps"):
        targets.squared_cosine(torch.rand(2, 4, 3, 4))
    with pytest.raises(ValueError, match="GramTargets of gram do not serve mean with squared_cosine"):
        AntiTransferLoss({1: targets}, [1], aggregation="mean")
