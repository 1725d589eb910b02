"""Stacked form of the linear layer: one real product with the weights as they lie, then sums with signs.

Every component of every row is multiplied with all four components of the weights, (4 rows, in / 4) times
(in / 4, 4 out / 4): sixteen quarter products as in the plain form, but no kernel four times the size of the weights is
assembled and read. With few rows, reading the weights is what a linear layer takes its time for.
"""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

# Row a, column c: which component of the weights takes part in y_a by multiplying x_c, and its sign; the block matrix.
_BLOCKS = (
    ((0, 1), (1, -1), (2, -1), (3, -1)),
    ((1, 1), (0, 1), (3, -1), (2, 1)),
    ((2, 1), (3, 1), (0, 1), (1, -1)),
    ((3, 1), (2, -1), (1, 1), (0, 1)),
)


def linear(
    x: Float[Tensor, "*batch feature"],
    weight: Float[Tensor, "4 out in"],
    bias: Float[Tensor, " real_out"] | None,
) -> Float[Tensor, "*batch real_out"]:
    """Quaternion matrix-vector product of ``weight`` with the last axis of ``x``; autograd differentiates it."""
    _, out, columns = weight.shape
    pairs = functional.linear(x.reshape(-1, columns), weight.flatten(0, 1)).view(-1, 16, out)
    y = torch.matmul(_signs(x.dtype, x.device), pairs).view(*x.shape[:-1], 4 * out)
    return y if bias is None else y + bias


@lru_cache(maxsize=16)
def _signs(dtype: torch.dtype, device: torch.device) -> Float[Tensor, "4 16"]:
    """Which of the sixteen pairs (component of the input, component of the weights) are summed, and how."""
    with torch.inference_mode(False):
        signs = torch.zeros(4, 4, 4)
        for a, row in enumerate(_BLOCKS):
            for c, (component, sign) in enumerate(row):
                signs[a, c, component] = sign
        return signs.view(4, 16).to(dtype=dtype, device=device)
