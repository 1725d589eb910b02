"""squared_gram_cosine against explicit forms, its derivatives and its limits."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from hamiltone.antitransfer import squared_gram_cosine

# More positions than channels, fewer, and as many; one and several spatial axes; none.
SHAPES = [(3, 4, 5, 6), (3, 12, 2, 3), (2, 6, 2, 3), (2, 5, 7), (2, 7, 3), (2, 6), (2, 3, 2, 2, 2)]
quick = settings(max_examples=30, deadline=None)


def explicit(a: Tensor, b: Tensor) -> Tensor:
    """Equation 1 as it is written: the C x C Gram matrices, vectorised, and their cosine squared."""
    f, h = a.flatten(2) if a.ndim > 2 else a[..., None], b.flatten(2) if b.ndim > 2 else b[..., None]
    g_a, g_b = torch.einsum("bip,bjp->bij", f, f), torch.einsum("bip,bjp->bij", h, h)
    dot = torch.einsum("bij,bij->b", g_a, g_b)
    return (dot / (g_a.pow(2).sum((1, 2)).sqrt() * g_b.pow(2).sum((1, 2)).sqrt())) ** 2


def pair(shape: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return a.to(dtype), b.to(dtype)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4)))
    a, b = pair(shape, draw(st.integers(0, 2**31)))
    return (a, b) if draw(st.booleans()) else (a.relu(), b.relu())


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_the_explicit_gram_form(shape):
    a, b = pair(shape)
    torch.testing.assert_close(squared_gram_cosine(a, b), explicit(a, b), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_numpy_example_by_example(shape):
    a, b = pair(shape, seed=1)
    for i, value in enumerate(squared_gram_cosine(a, b).tolist()):
        f, h = (x[i].numpy().reshape(shape[1], -1) for x in (a, b))
        g, k = (f @ f.T).ravel(), (h @ h.T).ravel()
        assert value == pytest.approx((g @ k / np.linalg.norm(g) / np.linalg.norm(k)) ** 2, abs=1e-12)


def test_a_value_worked_out_by_hand():
    # G_a = diag(1, 0), G_b = [[1, 1], [1, 1]]: cosine 1 / (1 * 2), squared 1/4.
    a = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    b = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    torch.testing.assert_close(squared_gram_cosine(a, b), torch.tensor([0.25]))


@pytest.mark.parametrize("shape", [(2, 3, 2, 3), (2, 5, 3), (2, 3, 3), (2, 4)])
@pytest.mark.parametrize("needs", [(True, True), (True, False), (False, True)])
def test_first_derivatives(shape, needs):
    a, b = pair(shape, seed=2)
    assert torch.autograd.gradcheck(squared_gram_cosine, (a.requires_grad_(needs[0]), b.requires_grad_(needs[1])))


@pytest.mark.parametrize("shape", SHAPES)
def test_derivatives_equal_those_of_the_explicit_form(shape):
    a, b = (x.requires_grad_() for x in pair(shape, seed=3))
    weights = torch.linspace(-1, 2, shape[0], dtype=torch.float64)
    ours = torch.autograd.grad((squared_gram_cosine(a, b) * weights).sum(), (a, b))
    theirs = torch.autograd.grad((explicit(a, b) * weights).sum(), (a, b))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-13)


def test_a_second_derivative_is_refused():
    a, b = pair((1, 2, 3))
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(squared_gram_cosine(a, b.requires_grad_()).sum(), b, create_graph=True)


@quick
@given(pairs(), st.floats(1e-6, 1e6), st.floats(-1e6, -1e-6))
def test_scale_does_not_matter(maps, plus, minus):
    a, b = maps
    torch.testing.assert_close(squared_gram_cosine(plus * a, minus * b), squared_gram_cosine(a, b), rtol=0, atol=1e-12)


@quick
@given(pairs(), st.randoms(use_true_random=False))
def test_order_of_positions_and_common_order_of_channels_do_not_matter(maps, random):
    a, b = maps
    flat_a, flat_b = a.flatten(2), b.flatten(2)
    positions = [random.sample(range(flat_a.shape[2]), flat_a.shape[2]) for _ in range(2)]
    channels = random.sample(range(a.shape[1]), a.shape[1])
    expected = squared_gram_cosine(a, b)
    together = squared_gram_cosine(flat_a[:, :, positions[0]], flat_b[:, :, positions[0]])
    apart = squared_gram_cosine(flat_a[:, :, positions[0]], flat_b[:, :, positions[1]])
    torch.testing.assert_close(together, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(apart, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(squared_gram_cosine(a[:, channels], b[:, channels]), expected, rtol=0, atol=1e-12)


@quick
@given(pairs())
def test_symmetric_and_between_0_and_1(maps):
    a, b = maps
    value = squared_gram_cosine(a, b)
    assert ((value >= 0) & (value <= 1)).all()
    torch.testing.assert_close(squared_gram_cosine(b, a), value, rtol=0, atol=1e-12)


@quick
@given(pairs(), st.sampled_from([torch.float32, torch.float64]))
def test_a_map_is_wholly_like_itself_and_cannot_become_more_so(maps, dtype):
    a = maps[0].to(dtype).clone().requires_grad_()
    value = squared_gram_cosine(maps[0].to(dtype), a)
    peak = a.detach().abs().amax((1, 2, 3))
    torch.testing.assert_close(value, (peak > 0).to(dtype))
    assert (value <= 1).all()
    (slope,) = torch.autograd.grad(value.sum(), a)
    # The steepest possible slope is 2 / peak.
    assert (slope.abs().amax((1, 2, 3)) * peak).max() < 100 * torch.finfo(dtype).eps


@pytest.mark.parametrize("shape", [(2, 4, 9), (2, 9, 4)])
def test_correlations_in_separate_channels_are_orthogonal(shape):
    a, b = pair(shape, dtype=torch.float32)
    a[:, ::2], b[:, 1::2] = 0, 0
    assert squared_gram_cosine(a, b).tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(4, 3, 5), (4, 5, 3)])
def test_zero_maps_give_zero_and_no_gradient_beside_others(shape, dtype):
    a, b = pair(shape, dtype=dtype)
    a[0], b[1], a[2], b[2] = 0, 0, 0, 0
    a.requires_grad_()
    b.requires_grad_()
    value = squared_gram_cosine(a, b)
    value.sum().backward()
    assert a.grad is not None and b.grad is not None
    assert value[:3].tolist() == [0, 0, 0] and value[3] > 0
    for grad in (a.grad, b.grad):
        assert (grad[:3] == 0).all()
        assert grad[3].isfinite().all() and (grad[3] != 0).any()


def test_values_below_the_normal_numbers_count_as_zero():
    a, b = pair((1, 3, 5), dtype=torch.float32)
    tiny = (b * 1e-41).requires_grad_()
    value = squared_gram_cosine(a, tiny)
    (slope,) = torch.autograd.grad(value.sum(), tiny)
    assert value.item() == 0 and (slope == 0).all()


@pytest.mark.parametrize("shape", [(2, 3, 50), (2, 50, 3)])
@pytest.mark.parametrize("size_a", [1e-37, 1e-20, 1.0, 1e20, 1e37])
@pytest.mark.parametrize("size_b", [1e-37, 1e-20, 1.0, 1e20, 1e37])
def test_magnitudes_neither_over_nor_underflow(shape, size_a, size_b):
    a, b = pair(shape)
    small, big = (a * size_a).float().requires_grad_(), (b * size_b).float().requires_grad_()
    value = squared_gram_cosine(small, big)
    slopes = torch.autograd.grad(value.sum(), (small, big))
    torch.testing.assert_close(value.double(), explicit(a, b), rtol=1e-5, atol=1e-7)
    a.requires_grad_()
    b.requires_grad_()
    expected = torch.autograd.grad(explicit(a, b).sum(), (a, b))
    for slope, size, exact in zip(slopes, (size_a, size_b), expected, strict=True):
        torch.testing.assert_close(slope.double() * size, exact, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(2, 4, 30), (2, 30, 4)])
def test_half_precision_is_computed_in_float32(shape, dtype):
    a, b = pair(shape)
    a, b = (a * 500).to(dtype), b.to(dtype).requires_grad_()
    value = squared_gram_cosine(a, b)
    value.sum().backward()
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, explicit(a.float(), b.float()), rtol=1e-5, atol=1e-6)
    assert b.grad is not None and b.grad.dtype == dtype
    exact = b.detach().double().requires_grad_()
    explicit(a.double(), exact).sum().backward()
    assert exact.grad is not None
    torch.testing.assert_close(b.grad.double(), exact.grad, rtol=2e-2, atol=1e-3)


def test_the_steepest_half_precision_gradient_is_finite():
    tiny = torch.finfo(torch.float16).tiny
    b = torch.tensor([[[tiny, 0.0], [0.0, tiny]]], dtype=torch.float16, requires_grad=True)
    squared_gram_cosine(torch.tensor([[[1.0, 0.0], [0.5, 0.0]]]), b).sum().backward()
    assert b.grad is not None and b.grad.isfinite().all() and (b.grad != 0).any()


@pytest.mark.parametrize("shape", [(2, 4, 30), (2, 30, 4)])
def test_autocast_does_not_lower_the_precision(shape):
    a, b = pair(shape, dtype=torch.float32)
    b.requires_grad_()
    (plain_slope,) = torch.autograd.grad(squared_gram_cosine(a, b).sum(), b)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = squared_gram_cosine(a, b)
        (slope,) = torch.autograd.grad(value.sum(), b)
    assert torch.equal(value, squared_gram_cosine(a, b))
    assert torch.equal(slope, plain_slope)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_non_finite_maps_are_not_hidden(bad):
    a, b = pair((2, 3, 4), dtype=torch.float32)
    a[0, 1, 2] = bad
    value = squared_gram_cosine(a, b)
    assert value[0].isnan() and value[1].isfinite()


class _Largest(TorchDispatchMode):
    """Records the number of elements of the largest tensor that any operation makes."""

    def __init__(self) -> None:
        super().__init__()
        self.numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # pyright: ignore
        out = func(*args, **(kwargs or {}))
        outs = out if isinstance(out, tuple | list) else [out]
        self.numel = max([self.numel, *(o.numel() for o in outs if isinstance(o, Tensor))])
        return out


@pytest.mark.parametrize("shape", [(2, 64, 2, 2), (2, 4, 8, 8)])
def test_no_matrix_larger_than_the_map_or_the_smaller_side_squared(shape):
    a, b = pair(shape, dtype=torch.float32)
    b.requires_grad_()
    with _Largest() as largest:
        squared_gram_cosine(a, b).sum().backward()
    assert largest.numel == a.numel() > shape[0] * min(shape[1], shape[2] * shape[3]) ** 2
    flat = a.flatten(2) if shape[1] > 4 else a.flatten(2).mT
    with _Largest() as largest:
        explicit(flat, flat)
    assert largest.numel > a.numel(), "the recorder must see the larger of the two Gram matrices"


def test_channels_last_maps_are_read_in_place():
    a, b = pair((2, 4, 3, 5))
    last = b.to(memory_format=torch.channels_last).requires_grad_()
    assert not last.is_contiguous()
    torch.testing.assert_close(squared_gram_cosine(a, last), squared_gram_cosine(a, b), rtol=0, atol=1e-14)
    assert torch.autograd.gradcheck(squared_gram_cosine, (a, last))


def test_an_empty_batch_gives_no_values():
    assert squared_gram_cosine(torch.zeros(0, 2, 3), torch.zeros(0, 2, 3)).shape == (0,)


@pytest.mark.parametrize("other", [(2, 3, 5), (2, 4, 4), (3, 3, 4), (2, 3, 2, 2)])
def test_other_shapes_are_refused(other):
    with pytest.raises(ValueError, match=r"same shape, got \(2, 3, 4\) and \(" + ", ".join(map(str, other))):
        squared_gram_cosine(torch.ones(2, 3, 4), torch.ones(other))


def test_maps_without_a_position_are_refused():
    with pytest.raises(ValueError, match=r"empty axis, got \(2, 3, 0\)"):
        squared_gram_cosine(torch.ones(2, 3, 0), torch.ones(2, 3, 0))
