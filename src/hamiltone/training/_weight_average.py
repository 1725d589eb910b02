"""A running average of a module's weights and statistics, which is tested and kept in their place."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """An exponential moving average of all floating-point numbers of a module's state.

    The first steps weigh as in a plain mean, so that the weights drawn at random do not linger:
    ``average += (1 - d) (weights - average)`` with ``d = min(decay, (1 + step) / (10 + step))``.

    Args:
        module: whose state is averaged; it stays as it is.
        decay: 0 keeps no average, and everything here does nothing.

    Attributes:
        tensors: the average, to be saved and restored; ``step`` among them counts the updates.

    Source: Polyak and Juditsky 1992; the first steps as in TensorFlow's ``ExponentialMovingAverage``.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module, self._decay = module, decay
        self.tensors: dict[str, Tensor] = {}
        if decay:
            self.tensors = {name: tensor.detach().clone() for name, tensor in self._state().items()}
            self.tensors["step"] = torch.zeros((), dtype=torch.long)

    @torch.no_grad()
    def update(self) -> None:
        """Count the module's present state."""
        if not self._decay:
            return
        step = int(self.tensors["step"].add_(1))
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        for name, tensor in self._state().items():
            self.tensors[name].lerp_(tensor, share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The average in the module within the context, its own state after it."""
        own = {name: tensor.detach().clone() for name, tensor in self._state().items()} if self._decay else {}
        self._put(self.tensors)
        try:
            yield
        finally:
            self._put(own)

    def _state(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self._module.state_dict().items() if tensor.is_floating_point()}

    @torch.no_grad()
    def _put(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in self._state().items():
            if name in tensors:
                tensor.copy_(tensors[name])
