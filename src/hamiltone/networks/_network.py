"""Networks: what makes class scores of a front's feature maps; kinds of them, each by its settings."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone.antitransfer import convolutions
from hamiltone.extensions import ExtensionError, failures_told, refuse_partial
from hamiltone.settings import NETWORKS, NetworkSettings, Shape


class Network(nn.Module, ABC):
    """Feature maps (batch, channel, time, frequency) -> class scores (batch, label) before the softmax.

    A kind of network is a subclass with these arguments, registered with its settings (:func:`register_network`). Its
    convolutions are those that the settings name, in that order.

    Args:
        config: its settings.
        input_shape: of the feature maps that it takes.
        classes: how many scores it gives.
    """

    def __init__(self, config: NetworkSettings, input_shape: Shape, classes: int) -> None:
        super().__init__()
        self.config = config
        self.input_shape = input_shape
        self.classes = classes

    @abstractmethod
    def forward(self, x: Float[Tensor, "batch channel time frequency"]) -> Float[Tensor, "batch label"]:
        """Class scores before the softmax."""

    def settings(self) -> dict[str, Any]:
        """What makes a network of this shape again (JSON-able): see :func:`network_from`."""
        shape = {"classes": self.classes, "input_shape": list(self.input_shape)}
        return self.config.model_dump(mode="json") | shape

    def adapted(self, features: Sequence[Float[Tensor, "_ channel time frequency"]], *, copies: int = 1) -> "Network":
        """A copy that hears one speaker better, of whom these are unlabelled feature maps, in batches.

        Args:
            features: of frames of the speaker.
            copies: how often each frame is among them, as at several speeds.

        Raises:
            ValueError: this kind of network cannot.
        """
        raise ValueError(
            f"a network of kind {self.config.kind} cannot be adapted to a speaker ({len(features)} batches, "
            f"each frame {copies} times)"
        )

    def last_hidden(self) -> nn.Module:
        """The layer whose input is the last hidden layer."""
        return self.get_submodule(self.config.last_hidden)


_Class = TypeVar("_Class", bound=type[Network])
_CLASSES: dict[str, Callable[[Any, Shape, int], Network]] = {}


def register_network(settings: type[NetworkSettings]) -> Callable[[_Class], _Class]:
    """Make a kind of network known, under the name that its settings have as ``kind``.

    Raises:
        ValueError: the name is taken.
        ExtensionError: the settings or the network lack what theirs need.
    """
    NETWORKS.register(settings)
    if unknown := [name for name in settings.structure if name not in settings.model_fields]:
        raise ExtensionError(f"{settings.__name__}.structure names {unknown[0]!r}, which is no key of these settings")
    kind = settings.model_fields["kind"].default

    def register(network: _Class) -> _Class:
        refuse_partial(network)
        if _CLASSES.setdefault(kind, network) is not network:
            raise ValueError(f"network.kind {kind} is taken: choose another name")
        return network

    return register


def build_network(config: NetworkSettings, input_shape: Shape, classes: int) -> Network:
    """A network of any kind, its weights drawn at random.

    Raises:
        ValueError: sizes that this kind does not allow, or layers that are not those that its settings name.
    """
    network = _CLASSES[config.kind](config, input_shape, classes)
    has, named = tuple(convolutions(network)), config.layer_names()
    if has != named:
        raise ValueError(
            f"{config.kind} has the convolutions {', '.join(has)}, but its settings name {', '.join(named)}"
        )
    if config.last_hidden not in dict(network.named_modules()):
        raise ValueError(f"{config.kind} has no layer {config.last_hidden}, which its settings name as last_hidden")
    return network


@torch.no_grad()
def check_network(network: Network) -> None:
    """See that a network gives a finite score for each class of each frame, and has a last hidden layer to read.

    Raises:
        ExtensionError: its forward fails or gives something else, or its last hidden layer is not (batch, feature).
    """
    what = f"network.kind {network.config.kind}: {type(network).__name__}"
    frames = torch.rand(2, *network.input_shape, generator=torch.Generator().manual_seed(0))
    heard: list[tuple[int, ...]] = []
    hook = network.last_hidden().register_forward_pre_hook(lambda _, inputs: heard.append(tuple(inputs[0].shape)))
    training = network.training
    try:
        with failures_told(f"{what}.forward of two frames"):
            scores = network.eval()(frames)
    finally:
        hook.remove()
        network.train(training)
    expected = (2, network.classes)
    if tuple(scores.shape) != expected or not bool(scores.isfinite().all()):
        fault = f"scores of shape {tuple(scores.shape)}" if tuple(scores.shape) != expected else "infinite scores"
        raise ExtensionError(f"{what}.forward gives {fault} for two frames: finite ones of shape {expected} are needed")
    if [len(shape) for shape in heard] != [2]:
        got = f"gets an input of shape {heard[0]}" if heard else "is not called"
        raise ExtensionError(
            f"{what}: last_hidden, {network.config.last_hidden}, {got} for two frames: name a layer whose input is "
            "(batch, feature)"
        )


def network_from(content: Mapping[str, Any]) -> Network:
    """The network that :meth:`Network.settings` describes, its weights drawn at random.

    Raises:
        KeyError, TypeError, ValueError: there is no such network.
    """
    content = dict(content)
    input_shape, classes = tuple(content.pop("input_shape")), content.pop("classes")
    return build_network(NETWORKS.parse(content), input_shape, classes)
