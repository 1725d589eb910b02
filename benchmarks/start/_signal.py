"""What is left of a signal, and of its gradient, layer by layer of a VGG16 as it starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.antitransfer import FeatureTaps, convolutions
from hamiltone.networks import vgg

STARTS: Mapping[str, Mapping[str, Any]] = {
    "quaternion, glorot": {"algebra": "quaternion", "start": "glorot"},
    "quaternion, he": {"algebra": "quaternion", "start": "he"},
    "real, torchvision's": {"algebra": "real"},
}
"""What is compared: settings of a network by name."""

LAYERS = 13
_CLASSES = 4


@dataclass(frozen=True)
class Signal:
    """Of one start, layer by layer, medians over seeds.

    Attributes:
        deviation: of the values of a map behind its ReLU, over that of the input.
        between: of what a place of a map is from one frame to another (mean over places), over that of the input.
        gradient: the length of the cross-entropy's gradient by the layer's weights, over the weights' length.
        scores: deviation of the scores.
    """

    deviation: tuple[float, ...]
    between: tuple[float, ...]
    gradient: tuple[float, ...]
    scores: float


def signal(start: str, maps: Float[Tensor, "frame 4 64 64"], *, width: float, seeds: int) -> Signal:
    """Measure one of ``STARTS``."""
    rows = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        network = vgg(16, classes=_CLASSES, width=width, input_shape=(4, 64, 64), **STARTS[start]).eval()
        rows.append(_measured(network, maps))
    middle = torch.tensor(rows).median(dim=0).values.tolist()
    parts = [tuple(middle[place : place + LAYERS]) for place in range(0, 3 * LAYERS, LAYERS)]
    return Signal(*parts, scores=middle[-1])


def _measured(network: nn.Module, maps: Float[Tensor, "frame 4 64 64"]) -> list[float]:
    numbers = list(range(1, LAYERS + 1))
    with FeatureTaps(network, numbers) as taps:
        scores = network(maps)
        found = taps.take()
    functional.cross_entropy(scores, torch.arange(len(maps)) % _CLASSES).backward()
    weights = [layer.get_parameter("weight") for layer in convolutions(network).values()]
    deviation = [(found[number].std() / maps.std()).item() for number in numbers]
    between = [(_between(found[number]) / _between(maps)).item() for number in numbers]
    gradient = [(_gradient(weight).norm() / weight.norm()).item() for weight in weights]
    return [*deviation, *between, *gradient, scores.std().item()]


def _between(maps: Float[Tensor, "frame channel time frequency"]) -> Float[Tensor, ""]:
    return maps.std(dim=0).mean()


def _gradient(weight: Tensor) -> Tensor:
    assert weight.grad is not None  # it was just computed
    return weight.grad
