"""Distances of feature maps: an aggregation, then a number per example, or one for the batch."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.antitransfer._aggregations import AGGREGATIONS, aggregated, centred, gram_matrix
from hamiltone.antitransfer._alignment import debiased_linear_cka, linear_cka
from hamiltone.antitransfer._registry import Registry
from hamiltone.antitransfer._similarity import (
    as_matrix,
    check_same_shape,
    example_scale,
    full_precision,
    squared_cosine,
    squared_gram_cosine,
)

Distance = Callable[[Tensor, Tensor], Tensor]
"""Two aggregated maps (batch, ...) of the same shape -> one number per example (batch,), or one for the batch ()."""

# Beyond this the sigmoid of the mean squared difference is 1 in every dtype and its derivative 0.
_SATURATED = 1e12


def map_distance(
    a: Float[Tensor, "batch channel *space"],
    b: Float[Tensor, "batch_b channel_b *space_b"],
    aggregation: str = "gram",
    distance: str = "squared_cosine",
) -> Float[Tensor, "*batch_or_none"]:
    """Compare two feature maps; the smaller the value, the less alike they are.

    Aggregations: ``gram``, the Gram matrix of the channels (equation 1); ``centred_gram``, that of each channel without
    its mean over the positions; ``pooled``, the mean of each channel over the positions; ``none``, the whole map;
    ``mean``, ``sum``, ``max`` over the channels; ``product`` over the channels of (x + 1e-10)^0.001.

    Distances, per example: ``squared_cosine``, 0 to 1; ``negative_sigmoid_mse``, minus the sigmoid of the mean squared
    difference, -1 to -0.5, which depends on the scale of the maps and has no gradient left where that difference is
    large. Over the batch: ``linear_cka``, 0 to 1, and ``debiased_linear_cka``, -1 to 1 and about 0 for maps that share
    nothing (see ``debiased_linear_cka``); with ``pooled``, they compare networks that were trained apart, whose
    channels have nothing to do with each other. Computed in float32 at least.

    Args:
        a: feature maps, with any number of spatial axes.
        b: feature maps of the same shape; the floating dtype may differ.
        aggregation: one of ``AGGREGATIONS``.
        distance: one of ``DISTANCES``.

    Returns:
        One value per example, (batch,); of a distance over the batch one value, ().

    Raises:
        ValueError: unknown aggregation or distance, shapes that differ, an empty axis, negative values for ``product``,
            or a registered function whose result has another shape than it has to have.
    """
    check_names(aggregation, distance)
    check_same_shape(a, b)
    if aggregation in _GRAMS and (of_grams := _OF_GRAMS.get(distance)):
        if aggregation == "gram":
            return of_grams(a, b)
        with full_precision(a.device):
            return of_grams(*(centred(maps, 2) for maps in _matrices(a, b)))
    with full_precision(a.device):
        u, v = (aggregated(maps, aggregation) for maps in _matrices(a, b))
    return aggregated_distance(u, v, distance)


def aggregated_distance(
    a: Float[Tensor, "batch *rest"], b: Float[Tensor, "batch *rest"], distance: str
) -> Float[Tensor, "*batch_or_none"]:
    """Compare what an aggregation has made of two maps.

    Raises:
        ValueError: a registered function whose result has another shape than it has to have.
    """
    with full_precision(a.device):
        values = DISTANCES.find(distance)(a, b)
    if values.shape not in ((len(a),), ()):
        raise ValueError(
            f"the distance {distance!r} must give one number per example, or one for the batch, "
            f"not {tuple(values.shape)}"
        )
    return values


def register_distance(name: str, function: Distance) -> None:
    """Make a distance known to ``map_distance`` and ``AntiTransferLoss`` under a name.

    Args:
        name: not yet taken.
        function: gets what an aggregation has made of the frozen and of the trained network's maps, two tensors
            (batch, ...) of the same shape, at least two axes, in float32 or float64 and without autocast; gives one
            number per example, (batch,), or one for the whole batch, (); the smaller the less alike: it is what
            training makes small. It has to be differentiable by autograd.

    Raises:
        ValueError: the name is taken, or empty.
    """
    DISTANCES.register(name, function)


def check_names(aggregation: str, distance: str) -> None:
    """Refuse the name of an aggregation or distance that does not exist."""
    AGGREGATIONS.find(aggregation)
    DISTANCES.find(distance)


def _matrices(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both maps as (batch, channel, position), in float32 or, if one of them has it, in float64."""
    dtype = torch.promote_types(torch.promote_types(a.dtype, b.dtype), torch.float32)
    return as_matrix(a.to(dtype)), as_matrix(b.to(dtype))


def _negative_sigmoid_mse(a: Float[Tensor, "batch *rest"], b: Float[Tensor, "batch *rest"]) -> Float[Tensor, " batch"]:
    """Minus the sigmoid of the mean squared difference."""
    unit = _unit(a, b)
    return _saturating(a / unit - b / unit, unit)


def _gram_negative_sigmoid_mse(
    a: Float[Tensor, "batch channel *space"], b: Float[Tensor, "batch channel *space"]
) -> Float[Tensor, " batch"]:
    """The same of the Gram matrices, whose entries may overflow where those of the maps do not."""
    with full_precision(a.device):
        u, v = _matrices(a, b)
        unit = _unit(u, v)
        difference = (gram_matrix(u / unit) - gram_matrix(v / unit)) * unit
        return _saturating(difference.clamp(-_SATURATED, _SATURATED), unit)


def _unit(a: Float[Tensor, "batch *rest"], b: Float[Tensor, "batch *rest"]) -> Float[Tensor, "batch *ones"]:
    """The largest size of a value in either, per example, at least 1.

    Large maps are compared in this unit and only then scaled back, saturating, because an overflow to infinity would
    turn the vanishing derivative of the sigmoid into NaN.
    """
    axes = tuple(range(1, a.ndim))
    peaks = (torch.linalg.vector_norm(x.detach(), ord=torch.inf, dim=axes, keepdim=True) for x in (a, b))
    return torch.maximum(*peaks).clamp(min=1)


def _saturating(
    difference: Float[Tensor, "batch *rest"], unit: Float[Tensor, "batch *ones"]
) -> Float[Tensor, " batch"]:
    difference = (difference * unit).clamp(-_SATURATED, _SATURATED)
    return -torch.sigmoid(difference.square().mean(tuple(range(1, difference.ndim))))


def _of_grams(compare: Distance) -> Distance:
    """A distance over the batch of the Gram matrices of maps, whose entries may overflow where theirs do not."""

    def compared(a: Float[Tensor, "batch channel *space"], b: Float[Tensor, "batch channel *space"]) -> Tensor:
        with full_precision(a.device):
            u, v = (maps / example_scale(maps.flatten()[None]).squeeze(1) for maps in _matrices(a, b))
            return compare(gram_matrix(u), gram_matrix(v))

    return compared


DISTANCES: Registry[Distance] = Registry(
    "distance",
    {
        "squared_cosine": squared_cosine,
        "negative_sigmoid_mse": _negative_sigmoid_mse,
        "linear_cka": linear_cka,
        "debiased_linear_cka": debiased_linear_cka,
    },
)

_GRAMS = ("gram", "centred_gram")
# How the Gram matrices of maps are compared, given the maps: in closed form, or without overflow.
_OF_GRAMS: dict[str, Distance] = {
    "squared_cosine": squared_gram_cosine,
    "negative_sigmoid_mse": _gram_negative_sigmoid_mse,
    "linear_cka": _of_grams(linear_cka),
    "debiased_linear_cka": _of_grams(debiased_linear_cka),
}
