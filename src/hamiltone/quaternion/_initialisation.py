"""Initialisation of quaternion weights in polar form (Gaudet & Maida 2018, Deep Quaternion Networks)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function_unary


def glorot_scale(n_in: int, n_out: int) -> float:
    """Scale of the modulus that keeps variances between forward and backward pass.

    Args:
        n_in: Quaternions that one output quaternion sums over (times the receptive field).
        n_out: Quaternions that one input quaternion contributes to (times the receptive field).
    """
    return 1 / math.sqrt(2 * (n_in + n_out))


def he_scale(n_in: int) -> float:
    """Scale of the modulus for layers followed by a ReLU; ``n_in`` as in :func:`glorot_scale`."""
    return 1 / math.sqrt(2 * n_in)


def polar_(weight: Float[Tensor, "4 *shape"], scale: float) -> None:
    """Fill ``weight`` in place with ``modulus * (cos phase, sin phase * axis)``, from torch's global generator.

    The modulus is ``scale`` times a chi variable with 4 degrees of freedom, the phase is uniform in [-pi, pi], the
    imaginary axis is uniform on the unit sphere.

    Args:
        weight: Components r, i, j, k first.
        scale: of the modulus: 1 / sqrt(2 (n_in + n_out)) is Glorot's, 1 / sqrt(2 n_in) is He's; in quaternions.
    """
    if has_torch_function_unary(weight):  # as torch's own: whoever replaces the weights at once may leave them undrawn
        handle_torch_function(polar_, (weight,), weight, scale)
        return
    shape = weight.shape[1:]
    # Half precision has too few steps for a uniform phase, so nothing below single precision is drawn.
    options = {"device": weight.device, "dtype": torch.promote_types(weight.dtype, torch.float32)}
    with torch.no_grad():
        modulus = scale * torch.linalg.vector_norm(torch.randn(4, *shape, **options), dim=0)
        phase = torch.empty(shape, **options).uniform_(-math.pi, math.pi)
        axis = functional.normalize(torch.randn(3, *shape, **options), dim=0)
        real = modulus * phase.cos()
        imaginary = modulus * phase.sin() * axis
        weight.copy_(torch.cat((real.unsqueeze(0), imaginary)))
