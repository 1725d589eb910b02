"""Aggregations of feature maps: what of a map is compared."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.antitransfer._registry import Registry

Aggregation = Callable[[Tensor], Tensor]
"""Maps (batch, channel, position) -> what is compared, (batch, ...)."""


def gram_matrix(maps: Float[Tensor, "batch channel position"]) -> Float[Tensor, "batch channel channel"]:
    """The Gram matrix of the channels, summed over the positions (equation 1)."""
    return maps @ maps.mT


def centred(values: Float[Tensor, "*shape"], dim: int) -> Float[Tensor, "*shape"]:
    """Values without their mean along an axis; exactly zero, without gradient, where they are all alike along it.

    What rounding leaves of equal values would count as much as anything else, once it is scaled.
    """
    apart = values - values.mean(dim, keepdim=True)
    rounding = 8 * torch.finfo(values.dtype).eps * values.detach().abs().amax(dim, keepdim=True)
    return apart.masked_fill(apart.detach().abs().amax(dim, keepdim=True) <= rounding, 0)


def pooled(maps: Float[Tensor, "batch channel position"]) -> Float[Tensor, "batch channel"]:
    """The mean of each channel over the positions, padded ones included."""
    return maps.mean(2)


def _product(maps: Float[Tensor, "batch channel position"]) -> Float[Tensor, "batch position"]:
    if (maps < 0).any():
        raise ValueError("the aggregation 'product' needs maps without negative values (taken after a ReLU)")
    # The product of powers, as a sum of logarithms: 512 factors neither under- nor overflow on the way.
    return (maps + 1e-10).log().sum(1).mul(1e-3).exp()


AGGREGATIONS: Registry[Aggregation] = Registry(
    "aggregation",
    {
        "gram": gram_matrix,
        "centred_gram": lambda maps: gram_matrix(centred(maps, 2)),
        "pooled": pooled,
        "none": lambda maps: maps,
        "mean": lambda maps: maps.mean(1),
        "sum": lambda maps: maps.sum(1),
        "max": lambda maps: maps.amax(1),
        "product": _product,
    },
)


def register_aggregation(name: str, function: Aggregation) -> None:
    """Make an aggregation known to ``map_distance`` and ``AntiTransferLoss`` under a name.

    Args:
        name: not yet taken.
        function: gets the maps of a whole batch, (batch, channel, position) with all spatial axes flattened into one,
            in float32 or float64 and without autocast; gives what is compared, (batch, ...) with at least one axis
            behind the batch, of the same dtype, examples apart from one another. It is called for the trained network's
            maps and for the frozen network's, and has to be differentiable by autograd. Maps are large: what autograd
            keeps of them counts.

    Raises:
        ValueError: the name is taken, or empty.
    """
    AGGREGATIONS.register(name, function)


def aggregated(maps: Float[Tensor, "batch channel position"], aggregation: str) -> Float[Tensor, "batch *rest"]:
    """What an aggregation makes of maps.

    Raises:
        ValueError: an unknown aggregation, or one that gives no (batch, ...).
    """
    values = AGGREGATIONS.find(aggregation)(maps)
    if not isinstance(values, torch.Tensor) or values.ndim < 2 or len(values) != len(maps):
        shape = tuple(values.shape) if isinstance(values, torch.Tensor) else type(values).__name__
        raise ValueError(
            f"the aggregation {aggregation!r} must give (batch, ...) with a row for each of {len(maps)} examples, "
            f"not {shape}"
        )
    return values
