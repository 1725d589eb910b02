"""Dispatch of the quaternion operations: their forms, and the choice of one for each call.

All forms of an operation are the same function of the same arguments up to rounding. The table says which one a case
takes, :func:`forms` overrides it, and a form that cannot serve a call gives way to the plain form.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad

from hamiltone.quaternion._algebra import conjugate
from hamiltone.quaternion.kernels import _block_kernel, _eight_products, _grouped_products, _stacked_product
from hamiltone.quaternion.kernels._block_kernel import Geometry
from hamiltone.quaternion.kernels._dispatch_table import Case, Operation, tabled_form
from hamiltone.quaternion.kernels._prepared_weights import PreparedWeights

# A compiled kernel's form is one more name here, one more branch in its operation, and rules in the table.
FORMS: dict[Operation, tuple[str, ...]] = {
    "conv2d": ("plain", "cached", "eight", "grouped"),
    "conv_transpose2d": ("plain", "cached", "eight", "grouped"),
    "linear": ("plain", "stacked", "eight"),
}
_override: ContextVar[str | None] = ContextVar("quaternion_form", default=None)


@contextmanager
def forms(name: str) -> Iterator[None]:
    """Within the block, and in this thread (or task) alone, operations take one form instead of the table's choice.

    - ``plain``: one real operation with the assembled block kernel; the oracle, and what everything supports.
    - ``cached``: the plain form whose kernel is assembled once; for convolutions without gradients.
    - ``eight``: eight real products of quarters (``_eight_products.py``), weights transformed once without gradients.
    - ``grouped``: the same products as one convolution of eight groups (``_grouped_products.py``); for convolutions.
    - ``stacked``: one real product with the weights as they lie; for the linear layer.
    - ``table``: the choice of the shipped table; the default.

    An operation that has no such form takes the plain one. So does one that the form cannot serve: groups, other dtypes
    than float32 and float64, autocast, tensor subclasses, forward-mode derivatives, ``torch.func`` transforms,
    ``torch.compile`` and ``torch.export``; for ``cached``, one that is to be differentiated.

    Args:
        name: one of the above.

    Raises:
        ValueError: an unknown form.
    """
    known = ("table", *dict.fromkeys(form for names in FORMS.values() for form in names))
    if name not in known:
        raise ValueError(f"form {name!r} is none of {', '.join(known)}")
    token = _override.set(None if name == "table" else name)
    try:
        yield
    finally:
        _override.reset(token)


def convolution(
    x: Float[Tensor, "*batch channel height width"],
    weight: Float[Tensor, "4 rows columns kernel_height kernel_width"],
    bias: Float[Tensor, " real_out"] | None,
    geometry: Geometry,
    prepared: PreparedWeights,
) -> Float[Tensor, "*batch real_out new_height new_width"]:
    """Quaternion cross-correlation; with a transposed geometry its adjoint, which multiplies by the conjugates.

    Args:
        x: input.
        weight: (4, out, in, ...), or transposed (4, in, out, ...), the second number counted within a group.
        bias: one value per real output channel.
        geometry: the settings.
        prepared: where the layer keeps what an evaluation made of its weights.
    """
    operation = "conv_transpose2d" if geometry.transposed else "conv2d"
    form = _form_of(operation, x, weight, bias, prepared, geometry)
    if form == "cached":
        # In the input's layout, or torch would bring the kernel into it at each call.
        layout = torch.channels_last if _block_kernel.is_channels_last(x) else torch.contiguous_format
        kernel = prepared.get(
            f"cached, {layout}",
            weight,
            lambda w: _block_kernel.block_kernel(w, geometry.groups).contiguous(memory_format=layout),
        )
        return _block_kernel.convolve(x, kernel, bias, geometry)
    if form in ("eight", "grouped"):
        batch = x.unsqueeze(0) if x.dim() == 3 else x
        if form == "grouped":
            y = _grouped_product_form(batch, weight, bias, geometry, prepared)
        else:
            product = _eight_products.Convolution(geometry)
            y = _eight_product_form(batch, weight, bias, product, prepared, geometry.transposed)
        return y.squeeze(0) if x.dim() == 3 else y
    return _block_kernel.convolve(x, _block_kernel.block_kernel(weight, geometry.groups), bias, geometry)


def linear(
    x: Float[Tensor, "*batch feature"],
    weight: Float[Tensor, "4 out in"],
    bias: Float[Tensor, " real_out"] | None,
    prepared: PreparedWeights,
) -> Float[Tensor, "*batch real_out"]:
    """Quaternion matrix-vector product of ``weight`` with the last axis of ``x``; ``prepared`` as in convolutions."""
    form = _form_of("linear", x, weight, bias, prepared)
    if form == "stacked":
        return _stacked_product.linear(x, weight, bias)
    if form == "eight":
        rows = x.reshape(-1, x.shape[-1])
        y = _eight_product_form(rows, weight, bias, _eight_products.MatrixProduct(), prepared, False)
        return y.view(*x.shape[:-1], y.shape[-1])
    return _block_kernel.linear(x, weight, bias)


def _eight_product_form(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    product: _eight_products.Product,
    prepared: PreparedWeights,
    conjugated: bool,
) -> Tensor:
    if _differentiated(x, weight, bias):
        return _eight_products.multiply(x, _signed(weight, conjugated), bias, product)
    weights = prepared.get("eight", weight, lambda w: _eight_products.transformed(_signed(w, conjugated)))
    return _eight_products.multiply_by(x, weights, bias, product)


def _grouped_product_form(
    x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry, prepared: PreparedWeights
) -> Tensor:
    conjugated = geometry.transposed
    if _differentiated(x, weight, bias):
        return _grouped_products.convolve(x, _signed(weight, conjugated), bias, geometry)
    weights = prepared.get("grouped", weight, lambda w: _grouped_products.transformed(_signed(w, conjugated)))
    return _grouped_products.convolve_by(x, weights, bias, geometry)


def _signed(weight: Tensor, conjugated: bool) -> Tensor:
    return conjugate(weight, dim=0) if conjugated else weight


def _form_of(
    operation: Operation,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    prepared: PreparedWeights,
    geometry: Geometry | None = None,
) -> str:
    evaluation = not _differentiated(x, weight, bias)
    if not evaluation:
        prepared.clear()
    if not _eager(x, weight, bias):
        return "plain"
    form = _override.get() or tabled_form(_case(operation, x, weight, geometry, evaluation))
    if form not in FORMS[operation]:
        return "plain"
    able = evaluation if form == "cached" else _is_regular(x, weight, bias, geometry)
    return form if able else "plain"


def _differentiated(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors)


def _eager(*tensors: Tensor | None) -> bool:
    """Whether this is a plain call on plain tensors, which neither a transformation nor a compiler watches."""
    return not (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
        or torch._C._are_functorch_transforms_active()  # pyright: ignore[reportAttributeAccessIssue]
        or forward_ad._current_level >= 0
        or any(type(tensor) not in (Tensor, torch.nn.Parameter, type(None)) for tensor in tensors)
    )


def _is_regular(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry | None) -> bool:
    """Whether a call has nothing that only the plain form knows: groups, named padding, autocast, other dtypes."""
    same: Any = x.dtype == weight.dtype and x.device == weight.device
    if bias is not None:
        same = same and bias.dtype == x.dtype and bias.device == x.device
    regular = geometry is None or (geometry.groups == 1 and not isinstance(geometry.padding, str))
    autocast = torch.amp.is_autocast_available(x.device.type) and torch.is_autocast_enabled(x.device.type)
    return same and regular and not autocast and x.dtype in (torch.float32, torch.float64) and x.numel() > 0


def _case(operation: Operation, x: Tensor, weight: Tensor, geometry: Geometry | None, evaluation: bool) -> Case:
    channel = -1 if geometry is None else -3
    groups = 1 if geometry is None else geometry.groups
    rows, columns = 4 * weight.shape[1], 4 * weight.shape[2] * groups
    channels_in = x.shape[channel]
    image = x.dim() == 4 and geometry is not None
    return Case(
        operation=operation,
        evaluation=evaluation,
        channels_in=channels_in,
        channels_out=columns if operation == "conv_transpose2d" else rows,
        batch=x.shape[0] if image else 1 if geometry is not None else x.numel() // channels_in,
        positions=x.numel() // channels_in,
        device=x.device.type,
        dtype=x.dtype,
        channels_last=image and _block_kernel.is_channels_last(x),
        groups=groups,
        taps=1.0 if geometry is None else prod(weight.shape[-2:]) / prod(geometry.stride),
    )
