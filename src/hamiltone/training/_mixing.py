"""Soft targets: label smoothing, and mixup of the pairs of a batch."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def soft_targets(classes: Int[Tensor, " batch"], count: int, smoothing: float) -> Float[Tensor, "batch label"]:
    """Probabilities of 1 for the class of each example, of which a share is spread over all ``count`` classes.

    Source: Szegedy et al. 2016, doi:10.1109/CVPR.2016.308.
    """
    return functional.one_hot(classes, count).float() * (1 - smoothing) + smoothing / count


def mixup(
    x: Float[Tensor, "batch *shape"], targets: Float[Tensor, "batch label"], alpha: float
) -> tuple[Float[Tensor, "batch *shape"], Float[Tensor, "batch label"]]:
    """Each example mixed with another of its batch, and its target likewise.

    The share is one draw of a beta distribution (alpha, alpha) for the whole batch, the larger part that of the example
    itself; the partners are a random permutation. All draws are from torch's global generator.

    Source: Zhang et al. 2018, arXiv:1710.09412.
    """
    share = torch.distributions.Beta(alpha, alpha).sample().item()
    share = max(share, 1 - share)
    partner = torch.randperm(len(x)).to(x.device)
    return share * x + (1 - share) * x[partner], share * targets + (1 - share) * targets[partner]
