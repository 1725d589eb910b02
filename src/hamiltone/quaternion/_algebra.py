"""Quaternion algebra on tensors whose axis ``dim`` is laid out [all r | all i | all j | all k]."""

import torch
from jaxtyping import Float
from torch import Tensor


def _components(q: Float[Tensor, "..."], dim: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if q.dim() == 0:
        raise ValueError("a quaternion tensor needs an axis of its components, not shape ()")
    size = q.shape[dim]
    if size == 0 or size % 4:
        raise ValueError(
            f"axis {dim} of a quaternion tensor must have a multiple of 4 entries, not {size} (shape {tuple(q.shape)})"
        )
    r, i, j, k = q.unflatten(dim, (4, size // 4)).unbind(dim if dim >= 0 else dim - 1)
    return r, i, j, k


def hamilton_product(p: Float[Tensor, "..."], q: Float[Tensor, "..."], dim: int = 1) -> Float[Tensor, "..."]:
    """Multiply quaternions: ``p`` from the left with ``q`` from the right.

    The product is associative but does not commute (``ij = k``, ``ji = -k``), and ``|pq| = |p||q|``.

    Args:
        p: Left factors; along ``dim`` there are ``4 n`` entries, ``[n r | n i | n j | n k]``.
        q: Right factors with the same number of axes. Axes are broadcast against those of ``p``; along ``dim`` it is
            the number of quaternions ``n`` that is broadcast.
        dim: The axis of the components; 1 is the channel axis of (batch, channel, ...).

    Returns:
        The products, laid out as the factors.

    Raises:
        ValueError: ``dim`` has no multiple of 4 entries, or ``p`` and ``q`` have different numbers of axes.

    Source: docs/method.md, "The Hamilton product" (rows of the real block matrix).
    """
    if p.dim() != q.dim():
        raise ValueError(f"both factors need the same number of axes, not shapes {tuple(p.shape)} and {tuple(q.shape)}")
    pr, pi, pj, pk = _components(p, dim)
    qr, qi, qj, qk = _components(q, dim)
    return torch.cat(
        (
            pr * qr - pi * qi - pj * qj - pk * qk,
            pi * qr + pr * qi - pk * qj + pj * qk,
            pj * qr + pk * qi + pr * qj - pi * qk,
            pk * qr - pj * qi + pi * qj + pr * qk,
        ),
        dim,
    )


def conjugate(q: Float[Tensor, "..."], dim: int = 1) -> Float[Tensor, "..."]:
    """Negate the imaginary components of quaternions.

    Args:
        q: Quaternions, ``[all r | all i | all j | all k]`` along ``dim``.
        dim: The axis of the components.

    Returns:
        The conjugates, in the shape of ``q``.

    Raises:
        ValueError: ``dim`` has no multiple of 4 entries.
    """
    r, i, j, k = _components(q, dim)
    return torch.cat((r, -i, -j, -k), dim)


def norm(q: Float[Tensor, "..."], dim: int = 1) -> Float[Tensor, "..."]:
    """Absolute value ``|q|`` of each quaternion.

    Args:
        q: Quaternions, ``[all r | all i | all j | all k]`` along ``dim``.
        dim: The axis of the components.

    Returns:
        One real number per quaternion: the shape of ``q`` with ``dim`` a quarter as long. Its gradient at a zero
        quaternion is zero.

    Raises:
        ValueError: ``dim`` has no multiple of 4 entries.
    """
    return torch.linalg.vector_norm(torch.stack(_components(q, dim)), dim=0)
