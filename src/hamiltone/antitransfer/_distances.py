"""How two feature maps are compared: an aggregation of the channels, then a distance."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.antitransfer._similarity import (
    as_matrix,
    check_same_shape,
    full_precision,
    squared_cosine,
    squared_gram_cosine,
)

# Beyond this the sigmoid of the mean squared difference is 1 in every dtype and its derivative 0.
_SATURATED = 1e12


def _product(maps: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch *space"]:
    if (maps < 0).any():
        raise ValueError("the aggregation 'product' needs maps without negative values (taken after a ReLU)")
    # The product of powers, as a sum of logarithms: 512 factors neither under- nor overflow on the way.
    return (maps + 1e-10).log().sum(1).mul(1e-3).exp()


_REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda maps: maps,
    "mean": lambda maps: maps.mean(1),
    "sum": lambda maps: maps.sum(1),
    "max": lambda maps: maps.amax(1),
    "product": _product,
}

AGGREGATIONS: tuple[str, ...] = ("gram", *_REDUCTIONS)
DISTANCES: tuple[str, ...] = ("squared_cosine", "negative_sigmoid_mse")


def map_distance(
    a: Float[Tensor, "batch channel *space"],
    b: Float[Tensor, "batch_b channel_b *space_b"],
    aggregation: str = "gram",
    distance: str = "squared_cosine",
) -> Float[Tensor, " batch"]:
    """Compare two feature maps per example; the smaller the value, the less alike they are.

    Aggregations: ``gram``, the Gram matrix of the channels (equation 1); ``none``, the whole map; ``mean``, ``sum``,
    ``max`` over the channels; ``product`` over the channels of (x + 1e-10)^0.001. Distances: ``squared_cosine``, 0 to
    1; ``negative_sigmoid_mse``, minus the sigmoid of the mean squared difference, -1 to -0.5. The latter depends on the
    scale of the maps and has no gradient left where that difference is large. Computed in float32 at least.

    Args:
        a: feature maps, with any number of spatial axes.
        b: feature maps of the same shape; the floating dtype may differ.
        aggregation: one of ``AGGREGATIONS``.
        distance: one of ``DISTANCES``.

    Raises:
        ValueError: unknown aggregation or distance, shapes that differ, an empty axis, or negative values for
            ``product``.
    """
    check_names(aggregation, distance)
    check_same_shape(a, b)
    gram = aggregation == "gram"
    if gram and distance == "squared_cosine":
        return squared_gram_cosine(a, b)
    dtype = torch.promote_types(torch.promote_types(a.dtype, b.dtype), torch.float32)
    u, v = as_matrix(a.to(dtype)), as_matrix(b.to(dtype))
    if not gram:
        u, v = _REDUCTIONS[aggregation](u), _REDUCTIONS[aggregation](v)
    return squared_cosine(u, v) if distance == "squared_cosine" else _negative_sigmoid_mse(u, v, gram=gram)


def check_names(aggregation: str, distance: str) -> None:
    """Refuse the name of an aggregation or distance that does not exist."""
    if aggregation not in AGGREGATIONS:
        raise ValueError(f"unknown aggregation {aggregation!r}: choose one of {', '.join(AGGREGATIONS)}")
    if distance not in DISTANCES:
        raise ValueError(f"unknown distance {distance!r}: choose one of {', '.join(DISTANCES)}")


def _negative_sigmoid_mse(
    a: Float[Tensor, "batch *rest"], b: Float[Tensor, "batch *rest"], *, gram: bool
) -> Float[Tensor, " batch"]:
    """Minus the sigmoid of the mean squared difference of two maps, or of the Gram matrices of two (channel, position).

    Large maps are compared in units of their largest value and only then scaled back, saturating, because an
    overflow to infinity would turn the vanishing derivative of the sigmoid into NaN.
    """
    axes = tuple(range(1, a.ndim))
    peaks = (torch.linalg.vector_norm(x.detach(), ord=torch.inf, dim=axes, keepdim=True) for x in (a, b))
    unit = torch.maximum(*peaks).clamp(min=1)
    u, v = a / unit, b / unit
    with full_precision(a.device):
        difference = ((u @ u.mT - v @ v.mT) * unit).clamp(-_SATURATED, _SATURATED) if gram else u - v
        return -torch.sigmoid((difference * unit).clamp(-_SATURATED, _SATURATED).square().mean(axes))
