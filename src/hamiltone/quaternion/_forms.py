"""How a quaternion operation is computed: one function per operation, called by one layer each.

The plain form writes the Hamilton product of the weights with the input as one real operation, whose kernel is the
block matrix

    [[r, -i, -j, -k],
     [i,  r, -k,  j],
     [j,  k,  r, -i],
     [k, -j,  i,  r]]

of the weights' components (REFERENCE section 2). Another form of an operation computes the same function of the same
arguments, and the operation's function here is where it is chosen.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def block_kernel(
    weight: Float[Tensor, "4 rows columns *kernel"], groups: int = 1
) -> Float[Tensor, "real_rows real_columns *kernel"]:
    """Real kernel of ``4 x rows`` by ``4 x columns`` channels, rows of groups as in :func:`_group_major`."""
    r, i, j, k = weight.unflatten(1, (groups, -1)).unbind(0)
    minus_i, minus_j, minus_k = -i, -j, -k
    rows = (
        torch.cat((r, minus_i, minus_j, minus_k), 2),
        torch.cat((i, r, minus_k, j), 2),
        torch.cat((j, k, r, minus_i), 2),
        torch.cat((k, minus_j, i, r), 2),
    )
    return torch.cat(rows, 1).flatten(0, 1)


def _group_major(x: Float[Tensor, "..."], groups: int, dim: int) -> Float[Tensor, "..."]:
    """[all r | all i | all j | all k] -> [r i j k of group 1 | r i j k of group 2 | ...], for real groups."""
    if groups == 1:
        return x
    return x.unflatten(dim, (4, groups, -1)).transpose(dim, dim + 1).flatten(dim, dim + 2)


def _component_major(x: Float[Tensor, "..."], groups: int, dim: int) -> Float[Tensor, "..."]:
    """The inverse of :func:`_group_major`."""
    if groups == 1:
        return x
    return x.unflatten(dim, (groups, 4, -1)).transpose(dim, dim + 1).flatten(dim, dim + 2)


def conv2d(
    x: Float[Tensor, "*batch channel height width"],
    weight: Float[Tensor, "4 out in kernel_height kernel_width"],
    bias: Float[Tensor, " real_out"] | None,
    *,
    stride: tuple[int, int],
    padding: str | tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Float[Tensor, "*batch real_out new_height new_width"]:
    """Quaternion cross-correlation; arguments as ``torch.nn.functional.conv2d``, ``in`` counted within a group."""
    channel = x.dim() - 3
    if bias is not None:
        bias = _group_major(bias, groups, 0)
    kernel = block_kernel(weight, groups)
    y = functional.conv2d(_group_major(x, groups, channel), kernel, bias, stride, padding, dilation, groups)
    return _component_major(y, groups, channel)


def conv_transpose2d(
    x: Float[Tensor, "*batch channel height width"],
    weight: Float[Tensor, "4 in out kernel_height kernel_width"],
    bias: Float[Tensor, " real_out"] | None,
    *,
    stride: tuple[int, int],
    padding: tuple[int, int],
    output_padding: tuple[int, int],
    groups: int,
    dilation: tuple[int, int],
) -> Float[Tensor, "*batch real_out new_height new_width"]:
    """Adjoint of :func:`conv2d` with the same weights (plus bias), so the input is multiplied by their conjugates."""
    channel = x.dim() - 3
    if bias is not None:
        bias = _group_major(bias, groups, 0)
    kernel = block_kernel(weight, groups)
    y = functional.conv_transpose2d(
        _group_major(x, groups, channel), kernel, bias, stride, padding, output_padding, groups, dilation
    )
    return _component_major(y, groups, channel)


def linear(
    x: Float[Tensor, "*batch feature"],
    weight: Float[Tensor, "4 out in"],
    bias: Float[Tensor, " real_out"] | None,
) -> Float[Tensor, "*batch real_out"]:
    """Quaternion matrix-vector product of ``weight`` with the last axis of ``x``."""
    return functional.linear(x, block_kernel(weight), bias)
