"""Features of layers: a few numbers of each layer of a network, for each clip, which linear probes see."""

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone.antitransfer import FeatureTaps, convolutions
from hamiltone.networks import Network

from ._batches import Part
from ._display import TrainingDisplay

_VALUES = 1 << 24  # of the first feature map of a batch, which keeps all of them below about 300 MB


@dataclass(frozen=True)
class LayerFeatures:
    """The features of one layer.

    Attributes:
        layer: the number of the convolution, from 1; the last hidden layer comes after the last of them.
        name: dotted name of the convolution, or of the layer whose input the last hidden layer is.
        kind: convolution, or last hidden.
        values: a row for each clip, the mean over its frames.
    """

    layer: int
    name: str
    kind: Literal["convolution", "last hidden"]
    values: Float[np.ndarray, "clip feature"]


def layer_features(network: Network, part: Part, display: TrainingDisplay) -> list[LayerFeatures]:
    """The features of all layers of a network in eval mode, for each clip of a part; each frame runs once.

    A convolution gives the mean and the standard deviation over positions of each channel of its map after the ReLU
    (so the numbers do not grow with the map), the last hidden layer its values. Both are averaged over the frames
    of a clip. Quaternion maps count as real ones with all their channels, as in anti-transfer.
    """
    names = list(convolutions(network))
    numbers = list(range(1, len(names) + 1))
    frames: list[list[Tensor]] = [[] for _ in range(len(names) + 1)]
    done = 0

    def last_hidden(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        frames[-1].append(inputs[0].double())

    reading = network.last_hidden().register_forward_pre_hook(last_hidden)
    try:
        with FeatureTaps(network, numbers) as taps, torch.no_grad():
            for batch in part.in_order(_batch_size(network)):
                network(batch.x)
                feature_maps = taps.take()
                for number in numbers:
                    frames[number - 1].append(_moments(feature_maps[number]))
                done += len(batch.x)
                display.report("reading the layers", done, len(part))
    finally:
        reading.remove()
    values = [part.per_utterance(torch.cat(batches)).numpy() for batches in frames]
    *maps, hidden = values
    layers = [
        LayerFeatures(number, name, "convolution", clips)
        for number, name, clips in zip(numbers, names, maps, strict=True)
    ]
    return [*layers, LayerFeatures(len(names) + 1, network.config.last_hidden, "last hidden", hidden)]


def _moments(feature_map: Float[Tensor, "batch channel time frequency"]) -> Float[Tensor, "batch feature"]:
    deviation, mean = torch.std_mean(feature_map.double().flatten(2), dim=2, correction=0)
    return torch.cat([mean, deviation], dim=1)


def _batch_size(network: Network) -> int:
    if network.config.maps_vary:  # so that a clip's map is as long as its own speech, whatever clips are beside it
        return 1
    first = next(iter(convolutions(network).values()))
    _, *positions = network.input_shape
    channels = first.get_parameter("weight").shape[0]
    return max(1, _VALUES // (channels * prod(positions)))
