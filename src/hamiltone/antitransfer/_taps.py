"""Taps of feature maps: hooks that read a network's convolutions while it runs."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules import activation

Layer = int | str
"""A convolution: its number, counted from 1 in the order of definition, or its dotted name."""

_ACROSS_POSITIONS = (nn.MultiheadAttention, nn.Softmin, nn.Softmax, nn.Softmax2d, nn.LogSoftmax)
_ACTIVATIONS = tuple(
    kind for name in activation.__all__ if not issubclass(kind := getattr(activation, name), _ACROSS_POSITIONS)
)


class ForwardStop(BaseException):
    """Ends a forward whose taps are all full; no ``except Exception`` inside a network may swallow it."""


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


class FeatureTaps:
    """Hooks that read the feature maps of some convolutions, after their ReLU, each time a network runs.

    A convolution's map is the output of the first activation module (ReLU, LeakyReLU, GELU, ...) that runs after it and
    before the next layer with weights; if there is none, the ReLU of the convolution's own output. A convolution that
    runs several times in one forward gives its first map. Maps belong to the autograd graph of the forward and are not
    copied. The network must be called itself (``network(x)``): running a part of it reads nothing. Works as a context
    manager that removes the hooks.

    Args:
        network: any module with convolutions.
        layers: numbers (counted from 1 in the order of definition) or dotted names of convolutions.
        stop: leave the forward by raising ``ForwardStop`` as soon as all maps are read (as ``frozen_maps`` does).

    Raises:
        ValueError: ``layers`` is empty, has a convolution twice, or one that the network does not have.
    """

    def __init__(self, network: nn.Module, layers: Sequence[Layer], *, stop: bool = False) -> None:
        self.layers: tuple[Layer, ...] = tuple(layers)
        self._stop = stop
        self._inputs: tuple[Any, ...] = ()
        self._maps: dict[Layer, tuple[Tensor, int | None]] = {}
        self._bare: set[Layer] = set()
        self._pending: tuple[Layer, Tensor] | None = None
        self._running = self._complete = False
        tapped = {name: layer for layer, name in layer_names(network, layers).items()}
        # The first hook on the network is the first to run, the last one the last: it may itself be a convolution.
        self._hooks = [network.register_forward_pre_hook(self._begin)]
        for name, module in network.named_modules():
            if _has_weights(module):
                self._hooks.append(module.register_forward_pre_hook(self._close))
            if name in tapped:
                self._hooks.append(module.register_forward_hook(self._opener(tapped[name])))
            if isinstance(module, _ACTIVATIONS):
                self._hooks.append(module.register_forward_hook(self._activated))
        self._hooks.append(network.register_forward_hook(self._end))

    def take(self) -> dict[Layer, Float[Tensor, "batch channel *space"]]:
        """The maps of the last forward, which are forgotten here: each forward can be taken once.

        Raises:
            RuntimeError: no complete forward since the last call; a layer did not run in it; or a later module changed
                a map in place.
        """
        if not self._complete:
            raise RuntimeError("no feature maps: call the network itself once, completely, before each use of its maps")
        maps, bare = dict(self._maps), set(self._bare)
        self._forget()
        for layer in self.layers:
            if layer not in maps:
                raise RuntimeError(f"layer {layer!r} did not run in the network's last forward: tap another one")
            tensor, version = maps[layer]
            if version is not None and tensor._version != version:
                raise RuntimeError(
                    f"layer {layer!r}: a later module changed the map in place after its activation; "
                    "give that module inplace=False"
                )
        return {layer: torch.relu(maps[layer][0]) if layer in bare else maps[layer][0] for layer in self.layers}

    def remove(self) -> None:
        """Remove all hooks and forget all maps."""
        for hook in self._hooks:
            hook.remove()
        self._forget()

    def __enter__(self) -> "FeatureTaps":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.remove()

    @property
    def inputs(self) -> tuple[Any, ...]:
        """What the network was called with in its last forward, until its maps are taken."""
        return self._inputs

    def _forget(self) -> None:
        self._inputs = ()
        self._maps.clear()
        self._bare.clear()
        self._pending = None
        self._running = self._complete = False

    def _begin(self, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._forget()
        self._inputs = inputs
        self._running = True

    def _opener(self, layer: Layer) -> Callable[[nn.Module, Any, Tensor], None]:
        def convolved(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            if self._running and layer not in self._maps:
                # A copy, since a later operation may change the output in place; dropped if an activation follows.
                # It is rectified outside of the forward: here autograd would save a tensor that a checkpointed part
                # of the network does not save again when it is recomputed.
                self._pending = layer, output.clone()

        return convolved

    def _activated(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if self._pending is not None:
            self._fill(self._pending[0], output)

    def _close(self, _module: nn.Module, _inputs: Any) -> None:
        if self._pending is not None:
            self._bare.add(self._pending[0])
            self._fill(*self._pending)

    def _end(self, module: nn.Module, inputs: Any, _output: Any) -> None:
        self._close(module, inputs)
        self._running, self._complete = False, True

    def _fill(self, layer: Layer, feature_map: Tensor) -> None:
        self._pending = None
        # Tensors of inference mode have no version to tell a change in place by: those are copied.
        inference = feature_map.is_inference()
        self._maps[layer] = (feature_map.clone(), None) if inference else (feature_map, feature_map._version)
        if self._stop and len(self._maps) == len(self.layers):
            self._running, self._complete = False, True
            raise ForwardStop


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


def _has_weights(module: nn.Module) -> bool:
    """Whether a layer starts something new, so that an activation after it is not that of a convolution before."""
    linear = hasattr(module, "in_features") and hasattr(module, "out_features")
    convolution = _looks_like_convolution(module) and not _is_container(module)
    return linear or convolution or isinstance(module, nn.RNNBase | nn.MultiheadAttention)
