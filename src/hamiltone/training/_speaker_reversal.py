"""Gradient reversal on speakers: the rival of anti-transfer at the same cost, which needs no frozen network."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hamiltone.networks import Recognizer, Stage


class SpeakerReversal(nn.Module):
    """A recogniser, and a linear head on its last hidden layer that learns to tell speakers while the network unlearns.

    The head minimises its cross-entropy; behind it the gradient is multiplied by minus ``weight``, so that the network
    maximises it. In evaluation mode there are the recogniser's scores alone.

    Source: Ganin et al., "Domain-Adversarial Training of Neural Networks", JMLR 17, 2016.

    Args:
        recognizer: what is trained.
        speakers: how many there are.
        weight: lambda of the reversed gradient.
    """

    def __init__(self, recognizer: Recognizer, speakers: int, weight: float) -> None:
        super().__init__()
        self.recognizer = recognizer
        self._weight = weight
        self._hidden: Tensor | None = None
        recognizer.network.last_hidden().register_forward_pre_hook(self._read)
        self.head = nn.Linear(self._width(), speakers)

    def forward(
        self,
        x: Float[Tensor, "batch *shape"],
        stage: Stage = "waveform",
        masked: Bool[Tensor, "batch 512 128"] | None = None,
    ) -> Float[Tensor, "batch label"] | tuple[Float[Tensor, "batch label"], Float[Tensor, "batch speaker"]]:
        """Class scores; in training also those of the speakers."""
        scores = self.recognizer(x, stage, masked)
        hidden, self._hidden = self._hidden, None
        if not self.training:
            return scores
        assert hidden is not None  # the hook has read it
        return scores, self.head(_Reversed.apply(hidden.flatten(1), self._weight))

    def _read(self, _layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._hidden = inputs[0]

    @torch.no_grad()
    def _width(self) -> int:
        network = self.recognizer.network
        training, like = network.training, next(network.parameters())
        network.eval()(like.new_zeros(1, *network.input_shape))
        network.train(training)
        assert self._hidden is not None  # the hook has read it
        return self._hidden.flatten(1).shape[1]


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Float[Tensor, "batch feature"], weight: float) -> Float[Tensor, "batch feature"]:
        ctx.weight = weight
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return -ctx.weight * grads[0], None
