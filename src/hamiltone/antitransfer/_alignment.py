"""Linear centred kernel alignment (CKA): how alike two networks tell the examples of a batch apart.

The kernels are those between examples, so the order, rotation and scale of either network's features do not matter:
networks that were trained apart can be compared, which the Gram matrices of their channels do not allow.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from hamiltone.antitransfer._aggregations import centred
from hamiltone.antitransfer._similarity import example_scale, full_precision

_FEWEST = 4  # examples that the unbiased estimate needs


def linear_cka(a: Float[Tensor, "batch *rest"], b: Float[Tensor, "batch *rest_b"]) -> Float[Tensor, ""]:
    """Linear CKA of two sets of features of the same examples: 0 to 1.

    With X and Y the features, centred over the examples: ``|X^T Y|^2 / (|X^T X| |Y^T Y|)``. With fewer examples than
    features it is far above 0 whatever the features are; :func:`debiased_linear_cka` is not. Features that are the same
    for all examples are like no others (0, without gradient).

    Source: Kornblith, Norouzi, Lee and Hinton, "Similarity of Neural Network Representations Revisited", ICML 2019.
    """
    with full_precision(a.device):
        return _cosine(_kernel(a), _kernel(b))


def debiased_linear_cka(a: Float[Tensor, "batch *rest"], b: Float[Tensor, "batch *rest_b"]) -> Float[Tensor, ""]:
    """Linear CKA with the unbiased estimate of HSIC: about 0 for independent features, however few the examples.

    -1 to 1; a batch of fewer than 4 examples, which allows no estimate, gives 0 without gradient. It is not squared:
    the mean over batches would then grow with what is chance in each.

    Source: Song, Smola, Gretton, Bedo and Borgwardt, "Feature Selection via Dependence Maximization", JMLR 13, 2012
    (HSIC_1; here with matrices centred as by Szekely and Rizzo, "Partial Distance Correlation", Annals of Statistics
    42, 2014, definition 2, which gives the same).
    """
    with full_precision(a.device):
        if len(a) < _FEWEST:
            return _kernel(b).sum() * 0
        return _cosine(_u_centred(_kernel(a)), _u_centred(_kernel(b)))


def _kernel(features: Float[Tensor, "batch *rest"]) -> Float[Tensor, "batch batch"]:
    """Scalar products between centred examples, of which one value at least has size 1 unless all are alike."""
    apart = centred(features.to(torch.promote_types(features.dtype, torch.float32)).flatten(1), 0)
    apart = apart / example_scale(apart.flatten()[None]).squeeze(1)
    return apart @ apart.mT


def _u_centred(kernel: Float[Tensor, "batch batch"]) -> Float[Tensor, "batch batch"]:
    size = len(kernel)
    kernel = kernel - torch.diag(kernel.diagonal())
    rows = kernel.sum(0) / (size - 2)
    apart = kernel - rows[:, None] - rows + kernel.sum() / ((size - 1) * (size - 2))
    return apart - torch.diag(apart.diagonal())


def _cosine(a: Float[Tensor, "batch batch"], b: Float[Tensor, "batch batch"]) -> Float[Tensor, ""]:
    product = (a * b).sum()
    return product / (_norm(a) * _norm(b))


def _norm(matrix: Float[Tensor, "batch batch"]) -> Float[Tensor, ""]:
    # The kernel has an entry of size 1: what is no larger than its rounding is zero.
    least = len(matrix) * torch.finfo(matrix.dtype).eps
    return matrix.square().sum().clamp(min=least**2).sqrt()
