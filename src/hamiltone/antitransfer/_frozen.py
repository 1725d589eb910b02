"""Frozen networks: nothing in them changes, no random number is drawn, no gradient is kept."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone.antitransfer._layers import Layer
from hamiltone.antitransfer._taps import FeatureTaps, ForwardStop

_KEYS_SHOWN = 3

Network = TypeVar("Network", bound=nn.Module)


def freeze(network: Network, state_dict: Mapping[str, Any] | None = None) -> Network:
    """Freeze a network in place: evaluation mode and no gradients; with ``state_dict``, weights are loaded first.

    Args:
        network: the network, which is changed and returned.
        state_dict: weights and buffers for exactly this network, or None to keep its own.

    Raises:
        ValueError: keys that are missing, that the network does not have, or whose shapes differ; nothing is loaded
            then.
    """
    if state_dict is not None:
        _check_keys(network.state_dict(), state_dict)
        network.load_state_dict(state_dict, strict=True)
    return network.eval().requires_grad_(False)


def frozen_maps(
    network: nn.Module,
    *inputs: Any,
    layers: Sequence[Layer],
    before_activation: bool = False,
    keywords: Mapping[str, Any] | None = None,
) -> dict[Layer, Float[Tensor, "batch channel *space"]]:
    """The feature maps of some convolutions, after their ReLU, as a frozen network gives them.

    The network runs in evaluation mode without gradients and stops after the deepest of the layers. It is left as it
    was found.

    Args:
        network: any module with convolutions.
        inputs: what the network is called with.
        layers: numbers (counted from 1 in the order of definition) or dotted names of convolutions.
        before_activation: the maps before the ReLU (see ``FeatureTaps``).
        keywords: what the network is called with by name.

    Returns:
        The maps by layer, as targets for ``AntiTransferLoss``.

    Raises:
        ValueError: ``layers`` is empty, has a convolution twice, or one that the network does not have.
        RuntimeError: a layer does not run in the network's forward.
    """
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        with FeatureTaps(network, layers, before_activation=before_activation, stop=True) as taps, torch.no_grad():
            with suppress(ForwardStop):
                network(*map(_detached, inputs), **{name: _detached(x) for name, x in (keywords or {}).items()})
            return taps.take()
    finally:
        for module in training:
            module.training = True


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _check_keys(own: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    shapes = [
        f"{key} ({tuple(given[key].shape)} for {tuple(value.shape)})"
        for key, value in own.items()
        if key in given and isinstance(value, Tensor) and value.shape != given[key].shape
    ]
    problems = {
        "missing": [key for key in own if key not in given],
        "unexpected": [key for key in given if key not in own],
        "of another shape": shapes,
    }
    told = [f"{what}: {_shortened(keys)}" for what, keys in problems.items() if keys]
    if told:
        raise ValueError(f"the weights do not fit the network; {'; '.join(told)}")


def _shortened(keys: list[str]) -> str:
    more = len(keys) - _KEYS_SHOWN
    return ", ".join(keys[:_KEYS_SHOWN]) + (f" and {more} more" if more > 0 else "")
