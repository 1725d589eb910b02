"""Squared cosines, of Gram matrices (equation 1) and of vectors, safe for every magnitude a float can have."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def squared_gram_cosine(
    a: Float[Tensor, "batch channel *space"], b: Float[Tensor, "batch_b channel_b *space_b"]
) -> Float[Tensor, " batch"]:
    """Squared cosine similarity of the Gram matrices of two feature maps, per example.

    With F a map as a matrix (channel, positions) and G = F F^T: ``(<G_a, G_b> / (|G_a| |G_b|))^2``, which is equation
    1 without its weight. 0: the channels' correlations are orthogonal; 1: they are the same up to scale. Neither the
    order of the positions nor the scale of a map matters. No matrix larger than min(channels, positions)^2 is made per
    example: with fewer positions than channels ``<G_a, G_b> = |F_a^T F_b|^2`` is used.

    The first derivative is exact for both maps; there is no second one. Values are computed in float32 at least,
    autocast or not, and gradients cast to the map's dtype. A map without a value as large as the smallest normal number
    of its dtype counts as zero: its similarity to anything is 0, with zero gradient. Maps that are not finite give NaN.

    Args:
        a: feature maps, with any number of spatial axes.
        b: feature maps of the same shape; the floating dtype may differ.

    Returns:
        One value in [0, 1] per example: float64 if one of the maps is, else float32.

    Raises:
        ValueError: the shapes differ, or an axis other than the batch is empty.
    """
    check_same_shape(a, b)
    return _SquaredGramCosine.apply(as_matrix(a), as_matrix(b), False)


def squared_gram_cosine_to(
    gram: Float[Tensor, "batch channel channel"], maps: Float[Tensor, "batch channel *space"]
) -> Float[Tensor, " batch"]:
    """``squared_gram_cosine`` of maps whose first side is known by its Gram matrices alone, at any scale.

    Args:
        gram: symmetric, with a norm that float32 can square; constant (no gradient).
        maps: the trained network's feature maps.
    """
    return _SquaredGramCosine.apply(gram.detach(), as_matrix(maps), True)


def squared_cosine(a: Float[Tensor, "batch *rest"], b: Float[Tensor, "batch *rest"]) -> Float[Tensor, " batch"]:
    """Squared cosine similarity of two vectors per example (all axes but the first, flattened); 0 for zero vectors."""
    with full_precision(a.device):
        # The scales are constants for autograd: a squared cosine does not depend on them, so no derivative does.
        u, v = (scaled(x, example_scale(x), torch.promote_types(a.dtype, b.dtype)).flatten(1) for x in (a, b))
        # A scaled vector holds an entry of size 1, so that a squared length below 1 is that of a zero vector.
        lengths = u.square().sum(1).clamp(min=1) * v.square().sum(1).clamp(min=1)
        return (u * v).sum(1).square() / lengths


def check_same_shape(a: Tensor, b: Tensor) -> None:
    """Refuse maps that cannot be compared: shapes that differ, or without a channel or a position."""
    if a.shape != b.shape:
        raise ValueError(f"feature maps must have the same shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    if a.ndim < 2 or 0 in a.shape[1:]:
        raise ValueError(f"feature maps must be (batch, channel, ...) without an empty axis, got {tuple(a.shape)}")


def as_matrix(maps: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch channel position"]:
    """Each example's map as a matrix; a view for contiguous and for channels-last maps."""
    return maps.flatten(2) if maps.ndim > 2 else maps.unsqueeze(2)


def full_precision(device: torch.device) -> AbstractContextManager[Any]:
    """A context without autocast, where the device knows autocast at all."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def example_scale(maps: Float[Tensor, "batch *rest"]) -> Float[Tensor, "batch *ones"]:
    """The largest absolute value of each example, as a constant that broadcasts; infinity where it counts as zero.

    Dividing by infinity makes a zero map exactly zero, and its gradient, too. The gradient of a squared Gram cosine is
    at most 2 / scale, so with the smallest normal number as the limit it cannot overflow the map's dtype.
    """
    axes = tuple(range(1, maps.ndim))
    scale = torch.linalg.vector_norm(maps.detach(), ord=torch.inf, dim=axes, keepdim=True)
    return scale.masked_fill(scale < torch.finfo(maps.dtype).tiny, torch.inf)


def scaled(
    maps: Float[Tensor, "batch *rest"], scale: Float[Tensor, "batch *ones"], dtype: torch.dtype
) -> Float[Tensor, "batch *rest"]:
    """Maps divided by their scale, in float32 or, if ``dtype`` is float64, in float64."""
    dtype = torch.promote_types(dtype, torch.float32)
    return maps.to(dtype) / scale.to(dtype)


class _SquaredGramCosine(torch.autograd.Function):
    """Equation 1 on matrices (batch, channel, position) with its derivative in closed form; the first may be a Gram's.

    With f the scaled map, c = <G_a, G_b> / (|G_a| |G_b|), the derivative of c^2 by F_b is

        (4 c / (|G_a| |G_b|)) (G_a - (<G_a, G_b> / |G_b|^2) G_b) f_b / scale_b

    and likewise for F_a. Plain autograd would keep a scaled copy of both maps until backward and multiply twice by the
    symmetric factor; here the maps themselves are kept, which the network keeps anyhow.
    """

    @staticmethod
    def forward(
        ctx: Any,
        a: Float[Tensor, "batch channel position_or_channel"],
        b: Float[Tensor, "batch channel position"],
        a_is_gram: bool,
    ) -> Float[Tensor, " batch"]:
        ctx.narrow = b.shape[2] < b.shape[1] and not a_is_gram
        ctx.dtype = torch.promote_types(a.dtype, b.dtype)
        scale_a, scale_b = example_scale(a), example_scale(b)
        with full_precision(b.device):
            f_a, f_b = scaled(a, scale_a, ctx.dtype), scaled(b, scale_b, ctx.dtype)
            if ctx.narrow:
                gram_a, gram_b, cross = f_a.mT @ f_a, f_b.mT @ f_b, f_a.mT @ f_b
                product = cross.square().sum((1, 2), keepdim=True)
            else:
                gram_a, gram_b, cross = f_a if a_is_gram else f_a @ f_a.mT, f_b @ f_b.mT, None
                product = (gram_a * gram_b).sum((1, 2), keepdim=True)
            # A scaled map holds an entry of size 1, hence |G| >= 1 unless the map is zero.
            norm_a, norm_b = (torch.linalg.matrix_norm(g, keepdim=True).clamp(min=1) for g in (gram_a, gram_b))
            cosine = product / (norm_a * norm_b)
        needs_a, needs_b, _ = ctx.needs_input_grad
        # A wide map's derivative needs that map alone; the other (a frozen network's) is let go.
        kept_a = a if needs_a or ctx.narrow else None
        kept_b = b if needs_b or ctx.narrow else None
        ctx.save_for_backward(kept_a, kept_b, scale_a, scale_b, gram_a, gram_b, cross, norm_a, norm_b, cosine)
        # Rounding may exceed 1 by an ulp; the derivative does not pass through the clamp.
        return cosine.square().clamp(max=1).flatten()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        # Matrices that forward made are constants here, so a graph through this derivative would be silently wrong.
        if torch.is_grad_enabled():
            raise RuntimeError("squared_gram_cosine has no second derivative: differentiate it without create_graph")
        (grad,) = grads
        a, b, scale_a, scale_b, gram_a, gram_b, cross, norm_a, norm_b, cosine = ctx.saved_tensors
        needs_a, needs_b, _ = ctx.needs_input_grad
        grad_a = grad_b = None
        with full_precision(grad.device):
            outer = 4 * grad.view(-1, 1, 1) * cosine
            across = outer / (norm_a * norm_b)
            if ctx.narrow:
                f_a, f_b = scaled(a, scale_a, ctx.dtype), scaled(b, scale_b, ctx.dtype)
                if needs_a:
                    grad_a = f_b @ (across * cross).mT - f_a @ (outer * cosine / norm_a.square() * gram_a)
                if needs_b:
                    grad_b = f_a @ (across * cross) - f_b @ (outer * cosine / norm_b.square() * gram_b)
            else:
                if needs_a:
                    factor = across * gram_b - outer * cosine / norm_a.square() * gram_a
                    grad_a = factor @ scaled(a, scale_a, ctx.dtype)
                if needs_b:
                    factor = across * gram_a - outer * cosine / norm_b.square() * gram_b
                    grad_b = factor @ scaled(b, scale_b, ctx.dtype)
        return None if grad_a is None else grad_a / scale_a, None if grad_b is None else grad_b / scale_b, None
