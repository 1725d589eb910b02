"""The algebra against complex 2 x 2 matrices, its laws, and its axes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hamiltone.quaternion import conjugate, hamilton_product, norm

UNITS = {name: torch.eye(4, dtype=torch.float64)[index] for index, name in enumerate("1ijk")}
# fmt: off
TABLE = {
    "11": "1", "1i": "i", "1j": "j", "1k": "k",
    "i1": "i", "ii": "-1", "ij": "k", "ik": "-j",
    "j1": "j", "ji": "-k", "jj": "-1", "jk": "i",
    "k1": "k", "ki": "j", "kj": "-i", "kk": "-1",
}
# fmt: on


def draw(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def assert_close(actual, expected, tolerance=1e-11):
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def as_matrices(q):
    """Quaternions (batch, 4 n) as complex matrices (batch, n, 2, 2), whose product is the Hamilton product."""
    r, i, j, k = np.split(q.numpy(), 4, axis=1)
    return np.stack([np.stack([r + 1j * i, j + 1j * k], -1), np.stack([-j + 1j * k, r - 1j * i], -1)], -2)


@pytest.mark.parametrize("pair", TABLE)
def test_products_of_the_units(pair):
    product = hamilton_product(UNITS[pair[0]], UNITS[pair[1]], dim=0)
    result = TABLE[pair]
    expected = -UNITS[result[1]] if result.startswith("-") else UNITS[result]
    assert torch.equal(product, expected)


@given(seed=st.integers(0, 2**32), batch=st.integers(1, 3), number=st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_product_is_that_of_complex_matrices(seed, batch, number):
    p, q = draw(seed, batch, 4 * number), draw(seed + 1, batch, 4 * number)
    product = as_matrices(p) @ as_matrices(q)
    np.testing.assert_allclose(as_matrices(hamilton_product(p, q)), product, rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 2**32), number=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_laws(seed, number):
    p, q, s = (draw(seed + offset, 2, 4 * number, 3) for offset in range(3))
    pq = hamilton_product(p, q)
    assert_close(hamilton_product(pq, s), hamilton_product(p, hamilton_product(q, s)))
    assert_close(hamilton_product(p, q + s), pq + hamilton_product(p, s))
    assert_close(hamilton_product(p + s, q), pq + hamilton_product(s, q))
    assert_close(conjugate(pq), hamilton_product(conjugate(q), conjugate(p)))
    assert_close(norm(pq), norm(p) * norm(q))
    square = torch.cat((norm(p) ** 2, torch.zeros(2, 3 * number, 3, dtype=torch.float64)), 1)
    assert_close(hamilton_product(p, conjugate(p)), square)
    assert_close(conjugate(conjugate(p)), p)
    assert not torch.allclose(pq, hamilton_product(q, p))


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -2, -3])
def test_any_axis(dim):
    p, q = draw(0, 3, 8, 5), draw(1, 3, 8, 5)
    moved = hamilton_product(p.movedim(1, dim), q.movedim(1, dim), dim)
    assert_close(moved.movedim(dim, 1), hamilton_product(p, q))
    assert_close(conjugate(p.movedim(1, dim), dim).movedim(dim, 1), conjugate(p))
    assert_close(norm(p.movedim(1, dim), dim).movedim(dim, 1), norm(p))


def test_broadcasts_quaternions_and_other_axes():
    p, q = draw(0, 1, 4, 1), draw(1, 2, 12, 5)
    expanded = p.unflatten(1, (4, 1)).expand(2, 4, 3, 5).flatten(1, 2)
    assert_close(hamilton_product(p, q), hamilton_product(expanded, q))


def test_layout_is_component_by_component():
    q = torch.tensor([[1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0]])
    assert torch.equal(conjugate(q), torch.tensor([[1.0, 10.0, -2.0, -20.0, -3.0, -30.0, -4.0, -40.0]]))
    assert_close(norm(q), torch.tensor([[30.0**0.5, 3000.0**0.5]]))


def test_gradients():
    p, q = draw(0, 2, 8).requires_grad_(), draw(1, 2, 8).requires_grad_()
    assert torch.autograd.gradcheck(hamilton_product, (p, q))
    assert torch.autograd.gradcheck(conjugate, (p,))
    assert torch.autograd.gradcheck(norm, (p,))
    zero = torch.zeros(1, 4, requires_grad=True)
    norm(zero).sum().backward()
    assert zero.grad is not None
    assert torch.equal(zero.grad, torch.zeros(1, 4))


def test_wrong_axes_are_named():
    with pytest.raises(ValueError, match=r"axis 1 .* multiple of 4 entries, not 6 \(shape \(2, 6\)\)"):
        hamilton_product(torch.zeros(2, 6), torch.zeros(2, 8))
    with pytest.raises(ValueError, match="multiple of 4 entries, not 0"):
        conjugate(torch.zeros(2, 0))
    with pytest.raises(ValueError, match=r"same number of axes, not shapes \(4,\) and \(2, 4\)"):
        hamilton_product(torch.zeros(4), torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"not shape \(\)"):
        norm(torch.tensor(1.0))
