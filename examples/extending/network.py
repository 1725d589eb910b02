"""A network of one's own, known under ``network.kind = "plain-cnn"``: two convolutions, real or quaternion.

    export HAMILTONE_EXTENSIONS=examples/extending/network.py
    hamiltone settings network
    hamiltone train run.toml 'network={kind = "plain-cnn", channels = 16}'

Importing this file registers the network.
"""

from typing import ClassVar, Literal

from jaxtyping import Float
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from hamiltone.networks import Network, Shape, register_network
from hamiltone.quaternion import QuaternionConv2d
from hamiltone.settings import NetworkSettings


class PlainCNNSettings(NetworkSettings):
    """Two convolutions and a linear layer."""

    kind: str = Field(default="plain-cnn", description="the kind of network")
    algebra: Literal["real", "quaternion"] = Field(default="quaternion", description="of the convolutions")
    channels: PositiveInt = Field(default=16, description="of either map; a multiple of 4")

    last_hidden: ClassVar[str] = "scores"
    structure: ClassVar[tuple[str, ...]] = ("algebra", "channels")

    def layer_names(self) -> tuple[str, ...]:
        """The two convolutions: anti-transfer's layers 1 and 2."""
        return ("first", "second")


@register_network(PlainCNNSettings)
class PlainCNN(Network):
    """The maps of the second convolution are averaged over time and frequency; a linear layer names the class."""

    def __init__(self, config: PlainCNNSettings, input_shape: Shape, classes: int) -> None:
        super().__init__(config, input_shape, classes)
        if config.channels % 4 or (config.algebra == "quaternion" and input_shape[0] % 4):
            raise ValueError(f"{config.channels} channels of {input_shape[0]}: multiples of 4 are needed")
        convolution = QuaternionConv2d if config.algebra == "quaternion" else nn.Conv2d
        self.first = convolution(input_shape[0], config.channels, 3, stride=2, padding=1)
        self.first_relu = nn.ReLU()
        self.second = convolution(config.channels, config.channels, 3, stride=2, padding=1)
        self.second_relu = nn.ReLU()
        self.scores = nn.Linear(config.channels, classes)

    def forward(self, x: Float[Tensor, "batch channel time frequency"]) -> Float[Tensor, "batch label"]:
        """Class scores before the softmax."""
        maps = self.second_relu(self.second(self.first_relu(self.first(x))))
        return self.scores(maps.mean(dim=(2, 3)))
