"""The layers of a network in either algebra: what a class takes its convolutions, norms and first weights from."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from hamiltone.quaternion import QuaternionBatchNorm2d, QuaternionConv2d, QuaternionLinear


@dataclass(frozen=True)
class AlgebraLayers:
    """The types of layers of one algebra; its channel counts are multiples of ``multiple``."""

    convolution: Callable[..., nn.Module]
    linear: Callable[..., nn.Module]
    norm: Callable[..., nn.Module]
    multiple: int


ALGEBRA_LAYERS: dict[str, AlgebraLayers] = {
    "real": AlgebraLayers(nn.Conv2d, nn.Linear, nn.BatchNorm2d, 1),
    "quaternion": AlgebraLayers(QuaternionConv2d, QuaternionLinear, QuaternionBatchNorm2d, 4),
}


def check_multiple(size: int, multiple: int, what: str) -> None:
    """See that a number of channels suits an algebra.

    Raises:
        ValueError: it does not.
    """
    if size < 1 or size % multiple:
        raise ValueError(f"{size} {what}: a positive multiple of {multiple} is needed")
