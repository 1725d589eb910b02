"""Block-kernel (plain) form of each quaternion operation: one real operation with the assembled kernel.

The kernel is the matrix

    [[r, -i, -j, -k],
     [i,  r, -k,  j],
     [j,  k,  r, -i],
     [k, -j,  i,  r]]

of the weights' components. It serves every shape, dtype, device and transformation that torch's
own operations serve, and is what the other forms are held against.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Geometry:
    """The settings of a convolution, named as torch names them; ``padding`` "same" or "valid" is not for transposed."""

    stride: tuple[int, int]
    padding: str | tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    transposed: bool = False
    output_padding: tuple[int, int] = (0, 0)

    def arguments(self, groups: int) -> tuple[Any, ...]:
        """What ``aten.convolution`` and its backward take of them, for a real convolution of that many groups."""
        shape = list(self.stride), list(self.padding), list(self.dilation)
        return *shape, self.transposed, list(self.output_padding), groups


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


def convolve(
    x: Float[Tensor, "*batch channel height width"],
    kernel: Float[Tensor, "real_rows real_columns kernel_height kernel_width"],
    bias: Float[Tensor, " real_out"] | None,
    geometry: Geometry,
) -> Float[Tensor, "*batch real_out new_height new_width"]:
    """Quaternion convolution, or with ``transposed`` its adjoint, with weights that are a :func:`block_kernel`."""
    channel, groups = x.dim() - 3, geometry.groups
    if bias is not None:
        bias = _group_major(bias, groups, 0)
    x = _group_major(x, groups, channel)
    stride, padding, dilation = geometry.stride, geometry.padding, geometry.dilation
    if not geometry.transposed:
        y = functional.conv2d(x, kernel, bias, stride, padding, dilation, groups)
    else:
        assert not isinstance(padding, str)
        y = functional.conv_transpose2d(x, kernel, bias, stride, padding, geometry.output_padding, groups, dilation)
    return _component_major(y, groups, channel)


def linear(
    x: Float[Tensor, "*batch feature"],
    weight: Float[Tensor, "4 out in"],
    bias: Float[Tensor, " real_out"] | None,
) -> Float[Tensor, "*batch real_out"]:
    """Quaternion matrix-vector product of ``weight`` with the last axis of ``x``."""
    return functional.linear(x, block_kernel(weight), bias)


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


def is_channels_last(x: Tensor) -> bool:
    """Whether the memory format of a batch of maps is channels-last, and not contiguous at the same time."""
    return not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
