"""Layers of any network: which of its modules are convolutions, and what they are called."""

import difflib
from collections.abc import Sequence

from torch import nn

Layer = int | str
"""A convolution: its number, counted from 1 in the order of definition, or its dotted name."""


def convolutions(network: nn.Module) -> dict[str, nn.Module]:
    """The convolutions of a network by dotted name, in the order of definition: layer l is the l-th of them.

    A convolution is a module with ``in_channels``, ``out_channels`` and ``kernel_size`` that is not transposed: those
    of torch and of any quaternion library. What lies inside of one is not counted again. A mere container with these
    attributes (no parameters of its own, convolutions inside) is not counted, but its convolutions are.
    """
    found: dict[str, nn.Module] = {}
    for name, module in network.named_modules():
        inside = any(not outer or name.startswith(f"{outer}.") for outer in found)
        if _is_convolution(module) and not _is_container(module) and not inside:
            found[name] = module
    return found


def layer_names(network: nn.Module, layers: Sequence[Layer]) -> dict[Layer, str]:
    """The dotted name of each layer.

    Raises:
        ValueError: no layer, a layer that the network does not have, or a convolution given twice.
    """
    if isinstance(layers, str) or not layers:
        raise ValueError(f"layers must be a non-empty list of convolutions (numbers from 1, or names), got {layers!r}")
    names = list(convolutions(network))
    found: dict[Layer, str] = {}
    for layer in layers:
        name = _layer_name(layer, names)
        if name in found.values():
            raise ValueError(f"layer {layer!r} is given twice (convolution {name!r}): layers must be unique")
        found[layer] = name
    return found


def _layer_name(layer: Layer, names: list[str]) -> str:
    have = f"the network has {len(names)} convolution{'' if len(names) == 1 else 's'}"
    if isinstance(layer, str):
        if layer in names:
            return layer
        near = difflib.get_close_matches(layer, names, n=3, cutoff=0.3)
        raise ValueError(f"no convolution {layer!r}: {have}" + (f", near names: {', '.join(near)}" if near else ""))
    if isinstance(layer, bool) or not 1 <= layer <= len(names):
        raise ValueError(f"no layer {layer!r}: {have}, counted from 1")
    return names[layer - 1]


def _looks_like_convolution(module: nn.Module) -> bool:
    return all(hasattr(module, name) for name in ("in_channels", "out_channels", "kernel_size"))


def _is_convolution(module: nn.Module) -> bool:
    transposed = any("transpose" in kind.__name__.lower() for kind in type(module).__mro__)
    return _looks_like_convolution(module) and not transposed


def _is_container(module: nn.Module) -> bool:
    inner = (child for child in module.modules() if child is not module)
    return not module._parameters and any(_is_convolution(child) for child in inner)


def has_weights(module: nn.Module) -> bool:
    """Whether a layer starts something new, so that an activation after it is not that of a convolution before."""
    linear = hasattr(module, "in_features") and hasattr(module, "out_features")
    convolution = _looks_like_convolution(module) and not _is_container(module)
    return linear or convolution or isinstance(module, nn.RNNBase | nn.MultiheadAttention)
