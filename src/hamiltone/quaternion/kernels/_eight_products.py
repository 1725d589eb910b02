"""Eight-product form: a Hamilton product of arrays with eight real products of quarters instead of sixteen.

With H the 4 x 4 Hadamard matrix (rows ++++, +-+-, ++--, +--+), x^ = H (x_r, x_i, x_j, x_k), w^ = H (r, i, j, k) / 4 and
* the real operation on quarters, z = H (w^_s * x^_s) holds the four sums in which every product has a plus: z_a is the
sum of w_b * x_c over all pairs of components that multiply to component a, up to sign. One more product each turns the
signs that are minus:

    y_r = 2r * x_r - z_0,    y_i = z_1 - 2k * x_j,    y_j = z_2 - 2i * x_k,    y_k = z_3 - 2j * x_i

The derivative is the transpose of the same sums, so backward takes eight products for each of its two gradients. Input
and weights are all that is kept for it; autograd over the same sums would keep x^, w^ and the assembled parts, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.quaternion.kernels._block_kernel import Geometry

# The component of the input that the second kind of product takes for y_r, y_i, y_j, y_k; its weight is _second's.
PARTNER = (0, 2, 3, 1)

Quarters = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Convolution:
    """Convolution of (batch, channel, height, width) without groups, or its adjoint if the geometry is transposed."""

    geometry: Geometry

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
        """The product on quarters, plus a bias per channel."""
        return torch.ops.aten.convolution(x, w, bias, *self.geometry.arguments(1))

    def backward(
        self, grad: Tensor, x: Tensor, w: Tensor, needs_x: bool, needs_w: bool
    ) -> tuple[Tensor | None, Tensor | None]:
        """The gradients of ``x`` and ``w`` that are needed, made of operations that autograd can differentiate."""
        wanted = [needs_x, needs_w, False]
        if w.dtype == torch.float64:
            # Channels-last weights of one output channel are contiguous, too, which torch's kernel stumbles over.
            w = w.clone(memory_format=torch.contiguous_format)
        return torch.ops.aten.convolution_backward(grad, x, w, None, *self.geometry.arguments(1), wanted)[:2]


class MatrixProduct:
    """(row, feature) times (out, feature) transposed."""

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
        """The product on quarters, plus a bias per feature."""
        return x @ w.mT if bias is None else torch.addmm(bias, x, w.mT)

    def backward(
        self, grad: Tensor, x: Tensor, w: Tensor, needs_x: bool, needs_w: bool
    ) -> tuple[Tensor | None, Tensor | None]:
        """The gradients of ``x`` and ``w`` that are needed, made of operations that autograd can differentiate."""
        return grad @ w if needs_x else None, grad.mT @ x if needs_w else None


Product = Convolution | MatrixProduct


def multiply(
    x: Float[Tensor, "batch channel *space"],
    weight: Float[Tensor, "4 rows columns *kernel"],
    bias: Float[Tensor, " real_out"] | None,
    product: Product,
) -> Float[Tensor, "batch real_out *new_space"]:
    """Hamilton product of ``weight`` with ``x``, plus the bias, with gradients of every order.

    For transposed convolutions ``weight`` is the conjugate of the layer's.
    """
    return _EightProducts.apply(x, weight, bias, product)


def transformed(weight: Float[Tensor, "4 rows columns *kernel"]) -> tuple[Quarters, Quarters]:
    """What :func:`multiply_by` takes: w^, and the weights of the second kind of product."""
    r, i, j, k = weight.unbind(0)
    a, b, c, d = hadamard((r, i, j, k))
    return (a / 4, b / 4, c / 4, d / 4), (2 * r, -2 * k, -2 * i, -2 * j)


def multiply_by(
    x: Float[Tensor, "batch channel *space"],
    weights: tuple[Quarters, Quarters],
    bias: Float[Tensor, " real_out"] | None,
    product: Product,
) -> Float[Tensor, "batch real_out *new_space"]:
    """As :func:`multiply`, with :func:`transformed` weights; where no gradient is asked."""
    first, second = weights
    parts = _quarters(x)
    mixed = [product.forward(part, w, None) for part, w in zip(hadamard(parts), first, strict=True)]
    sums = list(hadamard(mixed))
    del mixed
    biases = [None] * 4 if bias is None else bias.view(4, -1).unbind(0)
    out: list[Tensor] = []
    for axis, (partner, w, b) in enumerate(zip(PARTNER, second, biases, strict=True)):
        y = product.forward(parts[partner], w, b)
        total = sums.pop(0)
        out.append(y.add_(total) if axis else y.sub_(total))
    return torch.cat(out, 1)


class _EightProducts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, product: Product) -> Tensor:
        ctx.product = product
        ctx.save_for_backward(x, weight)
        return multiply_by(x, transformed(weight), bias, product)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        (grad,) = grads
        x, weight = ctx.saved_tensors
        needs_x, needs_w, needs_bias, _ = ctx.needs_input_grad
        grad_bias = grad.sum([axis for axis in range(grad.dim()) if axis != 1]) if needs_bias else None
        if not (needs_x or needs_w):
            return None, None, grad_bias, None
        product: Product = ctx.product
        first, second = transformed(weight)
        parts, grad_parts = _quarters(x), _quarters(grad)
        mixed_x, mixed_grad = list(hadamard(parts)), list(hadamard((-grad_parts[0], *grad_parts[1:])))
        grads_x: list[Any] = []
        grads_w: list[Any] = []
        for w in first:  # what is used up is let go: feature maps are what memory goes into
            one, other = product.backward(mixed_grad.pop(0), mixed_x.pop(0), w, needs_x, needs_w)
            grads_x.append(one)
            grads_w.append(other)
        if needs_x:
            grads_x = list(hadamard(grads_x))
        grads_second: list[Any] = []
        for part, partner, w in zip(grad_parts, PARTNER, second, strict=True):
            one, other = product.backward(part, parts[partner], w, needs_x, needs_w)
            grads_second.append(other)
            if needs_x:
                grads_x[partner] = grads_x[partner].add_(one)
        grad_x = torch.cat(grads_x, 1) if needs_x else None
        return grad_x, _weight_gradient(grads_w, grads_second) if needs_w else None, grad_bias, None


def _weight_gradient(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """The transpose of :func:`transformed`."""
    r, i, j, k = hadamard(first)
    by_r, by_k, by_i, by_j = second
    return torch.stack((r / 4 + 2 * by_r, i / 4 - 2 * by_i, j / 4 - 2 * by_j, k / 4 - 2 * by_k))


def _quarters(x: Tensor) -> Quarters:
    r, i, j, k = x.unflatten(1, (4, -1)).unbind(1)
    return r, i, j, k


def hadamard(q: Iterable[Tensor]) -> Quarters:
    a, b, c, d = q
    even, odd, even_too, odd_too = a + b, a - b, c + d, c - d
    return even + even_too, odd + odd_too, even - even_too, odd - odd_too
