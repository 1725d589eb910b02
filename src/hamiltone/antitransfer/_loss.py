"""The anti-transfer loss (equations 1 and 2) as a module beside the trained network."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hamiltone.antitransfer._distances import check_names, map_distance
from hamiltone.antitransfer._frozen import freeze, frozen_maps
from hamiltone.antitransfer._layers import Layer, layer_names
from hamiltone.antitransfer._taps import FeatureTaps
from hamiltone.antitransfer._targets import Targets


class AntiTransferLoss(nn.Module):
    """How alike the feature maps of a trained and of a frozen network are: a term to add to the training loss.

    weight * sum over layers of the mean over the batch of the maps' similarity (of a distance over the batch, that one
    value); with the defaults equations 1 and 2.
    The maps are read by hooks, so that the trained network runs once per step::

        anti_transfer = AntiTransferLoss(frozen, layers=[2])
        anti_transfer.attach(network)                                  # or: with anti_transfer.attach(network): ...
        scores = network(x)
        loss = cross_entropy(scores, y) + anti_transfer()              # the frozen network gets the same x

    With stored maps of the frozen network for a whole data set (see ``frozen_maps``) the frozen network is not needed;
    ``GramTargets.of(maps)``, or ``PooledTargets.of(maps)`` for the aggregation ``pooled``, makes them small::

        anti_transfer = AntiTransferLoss({2: GramTargets.of(maps)}, layers=[2])
        loss = cross_entropy(scores, y) + anti_transfer(index=rows)    # the batch's rows of ``maps``

    Each forward of the network can be used once; if it ran several times, the last one counts. The frozen network is
    frozen here (evaluation mode, no gradients) and is no submodule: it is in no ``state_dict`` and offers no
    parameters, but it follows ``to``. Quaternion maps are compared as real ones with all their channels.

    A copy or pickle that holds both the loss and the network goes on like the original, with its own copy of the frozen
    network; a copy of the network alone (an average of weights, the best so far) is one that nothing listens to:
    ``attach`` it to a loss of its own. No copy has the maps of the original's last forward.

    Args:
        frozen_or_targets: the frozen network; or its stored maps by layer, each (example, channel, ...), of any
            floating dtype, on any device, possibly memory-mapped, or ``Targets`` of such maps.
        layers: convolutions, by number (counted from 1 in the order of definition) or dotted name; as keys of stored
            maps the same numbers or names.
        weight: beta of equation 1.
        aggregation: how channels are aggregated, see ``map_distance`` and ``register_aggregation``.
        distance: how aggregated maps are compared, see ``map_distance`` and ``register_distance``.
        before_activation: compare the maps before their ReLU (see ``FeatureTaps``); stored ones have to be such.

    Attributes:
        stored: whether the targets are stored, so that each call takes an ``index``.
        last: after each call the similarity per layer, detached: the mean over the batch, without the weight.

    Raises:
        ValueError: ``layers`` is empty, has a layer twice or one that the targets do not have; an unknown aggregation
            or distance, or one that the ``Targets`` do not serve; a weight that is not finite.
    """

    def __init__(
        self,
        frozen_or_targets: nn.Module | Mapping[Any, Tensor] | Mapping[Any, Targets],
        layers: Sequence[Layer],
        weight: float = 1.0,
        aggregation: str = "gram",
        distance: str = "squared_cosine",
        *,
        before_activation: bool = False,
    ) -> None:
        super().__init__()
        check_names(aggregation, distance)
        if not math.isfinite(weight):
            raise ValueError(f"the weight of the anti-transfer loss must be finite, got {weight}")
        # A source is no module, so that the frozen network's weights do not show up in anybody's parameters.
        self._source: _LiveTargets | _StoredTargets = (
            _LiveTargets(frozen_or_targets, layers, before_activation)
            if isinstance(frozen_or_targets, nn.Module)
            else _StoredTargets(frozen_or_targets, layers, aggregation, distance)
        )
        self._taps: FeatureTaps | None = None
        self.stored = isinstance(self._source, _StoredTargets)
        self.layers: tuple[Layer, ...] = tuple(layers)
        self.weight = weight
        self.aggregation = aggregation
        self.distance = distance
        self.before_activation = before_activation
        self.last: dict[Layer, Float[Tensor, ""]] = {}

    def attach(self, network: nn.Module) -> "AntiTransferLoss":
        """Hook the trained network (the inner one, if a wrapper for parallel training holds it).

        Raises:
            ValueError: the network lacks a layer, or is the frozen network or shares weights with it.
            RuntimeError: a network is attached already.
        """
        if self._taps is not None:
            raise RuntimeError("a network is attached already: detach() it before attaching another")
        self._source.check_apart(network)
        self._taps = FeatureTaps(network, self.layers, before_activation=self.before_activation)
        return self

    def detach(self) -> None:
        """Remove the hooks from the trained network, if there are any."""
        if self._taps is not None:
            self._taps.remove()
            self._taps = None

    def forward(self, *inputs: Any, index: Int[Tensor, " batch"] | None = None, **keywords: Any) -> Float[Tensor, ""]:
        """The loss for the attached network's last forward.

        Args:
            inputs: with a frozen network, what it is called with; by default what the trained network was called with,
                by place and by name. With stored maps, nothing.
            index: with stored maps, the rows of the batch's examples; None: all rows are the batch.
            keywords: with a frozen network, what it is called with by name, if ``inputs`` or these are given.

        Raises:
            ValueError: arguments that do not suit the kind of targets; an empty batch; an index outside the stored
                maps; maps of the two networks that differ in shape.
            RuntimeError: no network is attached, or it has not run since the last call; or no gradient would come from
                a map to parameters that are trained, with gradients enabled.
        """
        if self._taps is None:
            raise RuntimeError("no network is attached: call attach(network) before the network runs")
        given = (inputs, keywords)
        self._source.check_call(given, index)
        call, trains = given if inputs or keywords else self._taps.arguments, self._taps.trains
        maps = self._taps.take()
        if torch.is_grad_enabled() and trains:
            _check_gradient(maps)
        targets = self._source.maps(call, index)
        values = {layer: self._layer_value(layer, maps[layer], targets[layer]) for layer in self.layers}
        self.last = {layer: value.detach() for layer, value in values.items()}
        return self.weight * torch.stack(list(values.values())).sum()

    def extra_repr(self) -> str:
        return f"layers={list(self.layers)}, weight={self.weight}, {self.aggregation}, {self.distance}"

    def __enter__(self) -> "AntiTransferLoss":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.detach()

    def _layer_value(self, layer: Layer, trained: Tensor, target: Tensor | Targets) -> Float[Tensor, ""]:
        shape = (len(target), *target.shape) if isinstance(target, Targets) else tuple(target.shape)
        if tuple(trained.shape) != shape:
            raise ValueError(
                f"layer {layer!r}: the trained network's map has shape {tuple(trained.shape)}, "
                f"the frozen network's {shape}; they must be equal"
            )
        if not len(trained):
            raise ValueError(f"layer {layer!r}: the batch is empty")
        if isinstance(target, Targets):
            return target.to(trained.device).compare(trained, self.distance).mean()
        target = target.to(trained.device, non_blocking=True)
        return map_distance(target, trained, self.aggregation, self.distance).mean()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "AntiTransferLoss":
        self._source.apply(fn)
        return super()._apply(fn, recurse)


Call = tuple[tuple[Any, ...], Mapping[str, Any]]
"""Arguments by place and by name."""


class _LiveTargets:
    """Targets of a frozen network that runs on the batch."""

    def __init__(self, network: nn.Module, layers: Sequence[Layer], before_activation: bool) -> None:
        layer_names(network, layers)
        self._network = freeze(network)
        self._layers = tuple(layers)
        self._before = before_activation

    def check_apart(self, network: nn.Module) -> None:
        own = {id(parameter) for parameter in self._network.parameters()}
        if network is self._network or any(id(parameter) in own for parameter in network.parameters()):
            raise ValueError("the trained network is the frozen one or shares weights with it: give it a copy")

    def check_call(self, _call: Call, index: Tensor | None) -> None:
        if index is not None:
            raise ValueError(
                "with a frozen network, call the loss without an index: the frozen network runs on the input"
            )

    def maps(self, call: Call, _index: Tensor | None) -> Mapping[Layer, Tensor | Targets]:
        inputs, keywords = call
        return frozen_maps(
            self._network, *inputs, layers=self._layers, before_activation=self._before, keywords=keywords
        )

    def apply(self, fn: Callable[[Tensor], Tensor]) -> None:
        self._network._apply(fn)


class _StoredTargets:
    """Targets that were computed before, row by row for a whole data set."""

    def __init__(
        self,
        targets: Mapping[Any, Tensor] | Mapping[Any, Targets],
        layers: Sequence[Layer],
        aggregation: str,
        distance: str,
    ) -> None:
        if isinstance(layers, str) or not layers or len(set(layers)) < len(layers):
            raise ValueError(f"layers must be a list of unique layers, not empty, got {layers!r}")
        missing = [layer for layer in layers if layer not in targets]
        if missing:
            raise ValueError(f"no stored maps for layers {missing}: there are maps for {list(targets)}")
        self._maps: dict[Layer, Tensor | Targets] = {layer: targets[layer] for layer in layers}
        if len({len(maps) for maps in self._maps.values()}) > 1:
            sizes = {layer: len(maps) for layer, maps in self._maps.items()}
            raise ValueError(f"stored maps must have the same number of rows in each layer, got {sizes}")
        for maps in self._maps.values():
            if isinstance(maps, Targets) and not (
                maps.aggregation == aggregation and maps.serve(aggregation, distance)
            ):
                raise ValueError(
                    f"{type(maps).__name__} of {maps.aggregation} do not serve {aggregation} with {distance}: "
                    "store maps, or targets of its stored_form"
                )

    def __deepcopy__(self, _memo: dict[int, Any]) -> "_StoredTargets":
        return self  # nothing changes them, and they may be larger than the memory

    def check_apart(self, network: nn.Module) -> None:
        """Stored maps are apart from any network."""

    def check_call(self, call: Call, index: Tensor | None) -> None:
        if any(call):
            raise ValueError("with stored maps, call the loss without the input, with index=rows of the batch")
        rows = len(next(iter(self._maps.values())))
        if index is not None and len(index) and not 0 <= int(index.min()) <= int(index.max()) < rows:
            raise ValueError(f"index must be in 0..{rows - 1}, got {int(index.min())}..{int(index.max())}")

    def maps(self, _call: Call, index: Tensor | None) -> dict[Layer, Tensor | Targets]:
        if index is None:
            return self._maps
        return {layer: _rows(maps, index) for layer, maps in self._maps.items()}

    def apply(self, fn: Callable[[Tensor], Tensor]) -> None:
        """Stored maps stay where they are; the rows of a batch follow the trained network's maps."""


def _rows(maps: Tensor | Targets, index: Tensor) -> Tensor | Targets:
    if isinstance(maps, Targets):
        return maps.rows(index)
    return maps.detach().index_select(0, index.to(maps.device))


def _check_gradient(maps: Mapping[Layer, Tensor]) -> None:
    for layer, value in maps.items():
        if not value.requires_grad:
            raise RuntimeError(
                f"layer {layer!r}: the map has no gradient, so that the loss would train nothing: run the network with "
                "gradients (torch.utils.checkpoint with use_reentrant=False), tap a layer behind one that is trained, "
                "or call the loss under torch.no_grad()"
            )
