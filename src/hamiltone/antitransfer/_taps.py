"""Taps of feature maps: hooks that read a network's convolutions while it runs."""

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules import activation

from hamiltone.antitransfer._layers import Layer, has_weights, layer_names

_ACROSS_POSITIONS = (nn.MultiheadAttention, nn.Softmin, nn.Softmax, nn.Softmax2d, nn.LogSoftmax)
_ACTIVATIONS = tuple(
    kind for name in activation.__all__ if not issubclass(kind := getattr(activation, name), _ACROSS_POSITIONS)
)


class ForwardStop(BaseException):
    """Ends a forward whose taps are all full; no ``except Exception`` inside a network may swallow it."""


class FeatureTaps:
    """Hooks that read the feature maps of some convolutions, after their ReLU, each time a network runs.

    A convolution's map is the output of the first activation module (ReLU, LeakyReLU, GELU, ...) that runs after it and
    before the next layer with weights; if there is none, the ReLU of the convolution's own output. A convolution that
    runs several times in one forward gives its first map. Maps belong to the autograd graph of the forward and are not
    copied. The network must be called itself (``network(x)``): running a part of it reads nothing. Works as a context
    manager that removes the hooks.

    A copy or pickle of the network together with its taps reads as they do; neither carries maps. A copy of the network
    alone is not read: its hooks do nothing, as do those of taps that nobody refers to any more.

    Args:
        network: any module with convolutions.
        layers: numbers (counted from 1 in the order of definition) or dotted names of convolutions.
        before_activation: read what that activation module gets (behind a batch norm, if there is one) instead of what
            it gives; if there is none, the convolution's own output.
        stop: leave the forward by raising ``ForwardStop`` as soon as all maps are read (as ``frozen_maps`` does).

    Raises:
        ValueError: ``layers`` is empty, has a convolution twice, or one that the network does not have.
    """

    def __init__(
        self, network: nn.Module, layers: Sequence[Layer], *, before_activation: bool = False, stop: bool = False
    ) -> None:
        self.layers: tuple[Layer, ...] = tuple(layers)
        self._before = before_activation
        self._stop = stop
        self._forget()
        tapped = {name: layer for layer, name in layer_names(network, layers).items()}
        # The first hook on the network is the first to run, the last one the last: it may itself be a convolution.
        self._hooks = [network.register_forward_pre_hook(_Hook(self, "_begin"), with_kwargs=True)]
        for name, module in network.named_modules():
            if has_weights(module):
                self._hooks.append(module.register_forward_pre_hook(_Hook(self, "_close")))
            if name in tapped:
                self._hooks.append(module.register_forward_hook(_Hook(self, "_convolved", tapped[name])))
            if isinstance(module, _ACTIVATIONS) and before_activation:
                self._hooks.append(module.register_forward_pre_hook(_Hook(self, "_activating"), with_kwargs=True))
            elif isinstance(module, _ACTIVATIONS):
                self._hooks.append(module.register_forward_hook(_Hook(self, "_activated")))
        self._hooks.append(network.register_forward_hook(_Hook(self, "_end")))

    def take(self) -> dict[Layer, Float[Tensor, "batch channel *space"]]:
        """The maps of the last forward, which are forgotten here: each forward can be taken once.

        Raises:
            RuntimeError: no complete forward since the last call; a layer did not run in it; or a later module changed
                a map in place.
        """
        if not self._complete:
            raise RuntimeError("no feature maps: call the network itself once, completely, before each use of its maps")
        maps, bare = self._maps, self._bare
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

    def __getstate__(self) -> dict[str, Any]:
        # Maps belong to an autograd graph, which cannot be copied.
        fresh = {"_arguments": ((), {}), "_maps": {}, "_bare": set(), "_pending": None}
        return self.__dict__ | fresh | {"_running": False, "_complete": False}

    @property
    def arguments(self) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """What the network was called with in its last forward, by place and by name, until its maps are taken."""
        return self._arguments

    @property
    def trains(self) -> bool:
        """Whether the network had parameters with gradients in its last forward, until its maps are taken."""
        return self._trains

    def _forget(self) -> None:
        self._trains = self._grad = False
        self._arguments: tuple[tuple[Any, ...], Mapping[str, Any]] = ((), {})
        self._maps: dict[Layer, tuple[Tensor, int | None]] = {}
        self._bare: set[Layer] = set()
        self._pending: tuple[Layer, Tensor] | None = None
        self._running = self._complete = False

    def _begin(self, network: nn.Module, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self._forget()
        self._grad = torch.is_grad_enabled()
        self._trains = any(parameter.requires_grad for parameter in network.parameters())
        self._arguments = inputs, keywords
        self._running = True

    def _convolved(self, layer: Layer, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if self._running and layer not in self._maps:
            # A copy, since a later operation may change the output in place; dropped if an activation follows.
            # It is rectified outside of the forward: here autograd would save a tensor that a checkpointed part
            # of the network does not save again when it is recomputed.
            self._pending = layer, output.clone()

    def _activating(self, module: nn.Module, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        if self._pending is not None:
            (value, *_) = (*inputs, *keywords.values())
            self._fill(self._pending[0], value.clone() if getattr(module, "inplace", False) else value)

    def _activated(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if self._pending is not None:
            self._fill(self._pending[0], output)

    def _close(self, _module: nn.Module, _inputs: Any) -> None:
        if self._pending is not None:
            if not self._before:
                self._bare.add(self._pending[0])
            self._fill(*self._pending)

    def _end(self, module: nn.Module, inputs: Any, _output: Any) -> None:
        self._close(module, inputs)
        self._running, self._complete = False, True

    def _fill(self, layer: Layer, feature_map: Tensor) -> None:
        self._pending = None
        if self._grad and not torch.is_grad_enabled():
            # Within a part of the network that has no gradients (yet: checkpoints that recompute it). A tensor that was
            # changed there in place would still claim the gradient that it had before.
            feature_map = feature_map.detach()
        # Tensors of inference mode and those of a graph that is being compiled have no version that would tell of a
        # change in place: they are copied.
        copied = torch.compiler.is_compiling() or feature_map.is_inference()
        self._maps[layer] = (feature_map.clone(), None) if copied else (feature_map, feature_map._version)
        if self._stop and len(self._maps) == len(self.layers):
            self._running, self._complete = False, True
            raise ForwardStop


class _Hook:
    """A method of taps as a hook that can be copied and pickled with them, and does nothing once they are gone."""

    def __init__(self, taps: FeatureTaps | None, method: str, *arguments: Layer) -> None:
        self._taps = None if taps is None else weakref.ref(taps)
        self._method = method
        self._arguments = arguments

    def __call__(self, *call: Any) -> None:
        if self._taps is not None and (taps := self._taps()) is not None:
            getattr(taps, self._method)(*self._arguments, *call)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (None if self._taps is None else self._taps(), self._method, *self._arguments)
