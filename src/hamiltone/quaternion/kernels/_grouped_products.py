"""Grouped form of the convolutions: the eight real products of quarters as one convolution of eight groups.

The products are those of ``_eight_products``. What stands before and behind them are three small constant matrices over
the axis of the components: input (4) to groups (8), weights (4) to groups (8), groups (8) to output (4). So a call is a
matrix product, a convolution and a matrix product, and backward the same with the transposes: few and large operations,
which do not wait for one another's threads. Input and weights are all that is kept for backward.

Where a group has few channels, torch's grouped convolution is slow; there ``_eight_products`` are faster.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.quaternion.kernels._block_kernel import Geometry, is_channels_last
from hamiltone.quaternion.kernels._eight_products import PARTNER, hadamard
from hamiltone.quaternion.kernels._eight_products import transformed as eight_weights

_GROUPS = 8
_PORTION = 2**23
"""Bytes of mixed maps that are made at once; more of them leave the cache, and their memory is new each time."""


class _Matrices(NamedTuple):
    """The constant matrices: y = outputs (weights w * inputs x), ``*`` a real product in each of eight groups."""

    inputs: Float[Tensor, "8 4"]
    weights: Float[Tensor, "8 4"]
    outputs: Float[Tensor, "4 8"]


@lru_cache(maxsize=16)
def _matrices(dtype: torch.dtype, device: torch.device) -> _Matrices:
    """What ``_eight_products`` does to components, as matrices: what it makes of the four unit vectors."""
    with torch.inference_mode(False):
        unit = torch.eye(4, dtype=dtype, device=device)
        sums = torch.stack(hadamard(unit))
        first, second = eight_weights(unit.unsqueeze(2))
        signs = torch.tensor([[-1], [1], [1], [1]], dtype=dtype, device=device)
        return _Matrices(
            inputs=torch.cat((sums, unit[list(PARTNER)])),
            weights=torch.stack((*first, *second)).squeeze(2),
            outputs=torch.cat((signs * sums, unit), 1),
        )


def convolve(
    x: Float[Tensor, "batch channel height width"],
    weight: Float[Tensor, "4 rows columns kernel_height kernel_width"],
    bias: Float[Tensor, " real_out"] | None,
    geometry: Geometry,
) -> Float[Tensor, "batch real_out new_height new_width"]:
    """Hamilton product of ``weight`` with ``x`` in the sense of a convolution, with gradients of every order.

    For transposed convolutions ``weight`` is the conjugate of the layer's.
    """
    return _GroupedProducts.apply(x, weight, bias, geometry)


def transformed(
    weight: Float[Tensor, "4 rows columns kernel_height kernel_width"],
) -> Float[Tensor, "group_rows columns kernel_height kernel_width"]:
    """The weights of the eight groups, as :func:`convolve_by` takes them."""
    matrices = _matrices(weight.dtype, weight.device)
    return (matrices.weights @ weight.flatten(1)).view(_GROUPS * weight.shape[1], *weight.shape[2:])


def convolve_by(
    x: Float[Tensor, "batch channel height width"],
    grouped: Float[Tensor, "group_rows columns kernel_height kernel_width"],
    bias: Float[Tensor, " real_out"] | None,
    geometry: Geometry,
) -> Float[Tensor, "batch real_out new_height new_width"]:
    """As :func:`convolve`, with :func:`transformed` weights; where no gradient is asked."""
    matrices = _matrices(x.dtype, x.device)
    y = None
    for portion in _portions(x):
        products = torch.ops.aten.convolution(
            _mixed(matrices.inputs, x[portion]), grouped, None, *geometry.arguments(_GROUPS)
        )
        if y is None:
            y = _like(x, products.shape[1] // 2, products.shape[2:])
        _mix(matrices.outputs, products, y[portion])
    assert y is not None
    return y if bias is None else y.add_(bias[:, None, None])


class _GroupedProducts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        ctx.geometry = geometry
        ctx.save_for_backward(x, weight)
        return convolve_by(x, transformed(weight), bias, geometry)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        (grad,) = grads
        x, weight = ctx.saved_tensors
        needs_x, needs_w, needs_bias, _ = ctx.needs_input_grad
        grad_bias = grad.sum((0, 2, 3)) if needs_bias else None
        if not (needs_x or needs_w):
            return None, None, grad_bias, None
        differentiate = _differentiable_gradients if torch.is_grad_enabled() else _gradients
        grad_x, grad_w = differentiate(grad, x, weight, ctx.geometry, needs_x, needs_w)
        return grad_x, grad_w, grad_bias, None


def _gradients(
    grad: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, needs_x: bool, needs_w: bool
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients of ``x`` and ``weight`` that are needed, portion by portion."""
    matrices = _matrices(x.dtype, x.device)
    grouped = transformed(weight)
    grad_x = _like(x, x.shape[1], x.shape[2:]) if needs_x else None
    sum_w = None
    for portion in _portions(x):
        part_x, part_w = _group_gradients(grad[portion], x[portion], grouped, geometry, needs_x, needs_w)
        if grad_x is not None and part_x is not None:
            _mix(matrices.inputs.mT, part_x, grad_x[portion])
        if part_w is not None:
            sum_w = part_w if sum_w is None else sum_w.add_(part_w)
    return grad_x, None if sum_w is None else _weight_gradient(sum_w, weight)


def _differentiable_gradients(
    grad: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, needs_x: bool, needs_w: bool
) -> tuple[Tensor | None, Tensor | None]:
    """The same, at once, made of operations that autograd can differentiate."""
    matrices = _matrices(x.dtype, x.device)
    grad_x, grad_w = _group_gradients(grad, x, transformed(weight), geometry, needs_x, needs_w)
    return (
        None if grad_x is None else _mixed(matrices.inputs.mT, grad_x),
        None if grad_w is None else _weight_gradient(grad_w, weight),
    )


def _group_gradients(
    grad: Tensor, x: Tensor, grouped: Tensor, geometry: Geometry, needs_x: bool, needs_w: bool
) -> tuple[Tensor | None, Tensor | None]:
    matrices = _matrices(x.dtype, x.device)
    mixed_grad, mixed_x = _mixed(matrices.outputs.mT, grad), _mixed(matrices.inputs, x)
    arguments = (*geometry.arguments(_GROUPS), [needs_x, needs_w, False])
    return torch.ops.aten.convolution_backward(mixed_grad, mixed_x, grouped, None, *arguments)[:2]


def _weight_gradient(grouped: Tensor, weight: Tensor) -> Tensor:
    """The transpose of :func:`transformed`."""
    matrices = _matrices(weight.dtype, weight.device)
    return (matrices.weights.mT @ grouped.reshape(_GROUPS, -1)).view(weight.shape)


def _portions(x: Tensor) -> list[slice]:
    """Parts of the batch whose mixed maps stay in the processor's cache, and in memory that is used again."""
    examples = max(1, _PORTION // (2 * x[0].numel() * x.element_size()))
    return [slice(start, start + examples) for start in range(0, len(x), examples)]


def _mixed(
    matrix: Float[Tensor, "after before"], x: Float[Tensor, "batch channel height width"]
) -> Float[Tensor, "batch new_channel height width"]:
    """A matrix over the components (or groups) of ``x``; contiguous, whatever the layout of ``x``."""
    after, before = matrix.shape
    channels = after * (x.shape[1] // before)
    return torch.matmul(matrix, x.reshape(len(x), before, -1)).view(len(x), channels, *x.shape[2:])


def _mix(matrix: Float[Tensor, "after before"], x: Tensor, out: Tensor) -> None:
    """The same, into ``out``, whatever its layout."""
    if out.is_contiguous():
        after, before = matrix.shape
        torch.matmul(matrix, x.reshape(len(x), before, -1), out=out.view(len(x), after, -1))
    else:
        out.copy_(_mixed(matrix, x))


def _like(x: Tensor, channels: int, size: Sequence[int]) -> Tensor:
    """Memory for maps in the layout of ``x``."""
    layout = torch.channels_last if is_channels_last(x) else torch.contiguous_format
    return torch.empty((len(x), channels, *size), dtype=x.dtype, device=x.device, memory_format=layout)
