"""Quaternion layers for any PyTorch network: the Hamilton product, twins of four ``torch.nn`` layers, and a converter.

A tensor of ``4 n`` real channels holds ``n`` quaternions, laid out component by component:
``[all r | all i | all j | all k]``. Every layer has the signature of its ``torch.nn`` twin, counts REAL channels
(divisible by 4, with groups by 4 x groups) and multiplies its input from the left by its weights with the Hamilton
product, which takes a quarter of the twin's parameters. The parameter ``weight`` has the twin's shape with the second
channel number divided by 4 and is laid out as channels are along the first; ``components`` is a view of it with a
leading axis of length 4 for r, i, j, k; ``bias`` is real, one value per real output channel.

    >>> import torch
    >>> from hamiltone.quaternion import QuaternionConv2d
    >>> layer = QuaternionConv2d(4, 8, kernel_size=3, padding=1)
    >>> layer(torch.zeros(1, 4, 16, 16)).shape
    torch.Size([1, 8, 16, 16])
    >>> layer.weight.shape
    torch.Size([8, 1, 3, 3])
    >>> layer.components.shape
    torch.Size([4, 2, 1, 3, 3])

- ``QuaternionConv2d``, ``QuaternionConvTranspose2d``, ``QuaternionLinear``, ``QuaternionBatchNorm2d``: the layers
- ``hamilton_product``, ``conjugate``, ``norm``: the algebra
- ``polar_``: the layers' first weights, drawn in polar form
- ``quaternionize``: a network's real layers replaced by their quaternion twins
- ``forms``: how the layers compute, in place of the choice of the shipped table (same results up to rounding)
"""

from hamiltone.quaternion._algebra import conjugate, hamilton_product, norm
from hamiltone.quaternion._batchnorm import QuaternionBatchNorm2d
from hamiltone.quaternion._convolution import QuaternionConv2d
from hamiltone.quaternion._initialisation import polar_
from hamiltone.quaternion._linear import QuaternionLinear
from hamiltone.quaternion._quaternionize import quaternionize
from hamiltone.quaternion._transposed_convolution import QuaternionConvTranspose2d
from hamiltone.quaternion.kernels import forms

__all__ = [
    "QuaternionBatchNorm2d",
    "QuaternionConv2d",
    "QuaternionConvTranspose2d",
    "QuaternionLinear",
    "conjugate",
    "forms",
    "hamilton_product",
    "norm",
    "polar_",
    "quaternionize",
]
