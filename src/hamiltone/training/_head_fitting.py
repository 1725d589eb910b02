"""Last layers, fitted to clips: each starts from the one that it was, and leaves it as far as the clips ask for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

STRENGTHS = (10.0, 1.0, 0.1, 0.01)
"""How strongly a last layer is held to what it was, the strongest first."""

_LEAST = 1e-12
_STEPS = 20


@dataclass(frozen=True)
class Head:
    """A linear layer: features -> scores."""

    weight: Float[Tensor, "score feature"]
    bias: Float[Tensor, " score"]

    def __call__(self, features: Float[Tensor, "frame feature"]) -> Float[Tensor, "frame score"]:
        """Scores of frames."""
        return features @ self.weight.T + self.bias


def fit_heads(
    first: Head,
    features: Float[Tensor, "frame feature"],
    classes: Int[Tensor, " frame"],
    weights: Float[Tensor, " frame"],
    groups: Float[Tensor, "score label"],
    strengths: Sequence[float] = STRENGTHS,
) -> list[Head]:
    """Last layers that give frames their classes, one for each strength.

    Each minimises the weighted cross-entropy plus half the strength times the squared change of its biases and of its
    weights, counted in deviations of the features: as a strength grows, the layer becomes ``first``.

    Args:
        first: where they start from; of a new class its scores' weights are zero.
        features: what the layer hears.
        classes: of each frame.
        weights: how much each frame counts; they sum to 1.
        groups: 1 where a score is one of a class's, whose probability is their sum.
        strengths: how strongly they are held to ``first``.
    """
    mean = features.mean(0)
    deviation = features.std(0, correction=0).clamp_min(1e-6)
    spread, base = (features - mean) / deviation, first(features)
    heads = []
    for strength in strengths:
        # Each from the beginning: where a class has several scores, there is more than one minimum.
        change = torch.zeros_like(first.weight, requires_grad=True)
        shift = torch.zeros_like(first.bias, requires_grad=True)
        search = torch.optim.LBFGS([change, shift], max_iter=_STEPS, line_search_fn="strong_wolfe")

        search.step(partial(_loss, search, (change, shift), base, spread, classes, weights, groups, strength))
        with torch.no_grad():
            added = change / deviation
            heads.append(Head(first.weight + added, first.bias + shift - added @ mean))
    return heads


def _loss(
    search: torch.optim.LBFGS,
    changed: tuple[Tensor, Tensor],
    base: Float[Tensor, "frame score"],
    spread: Float[Tensor, "frame feature"],
    classes: Int[Tensor, " frame"],
    weights: Float[Tensor, " frame"],
    groups: Float[Tensor, "score label"],
    strength: float,
) -> Any:
    search.zero_grad()
    change, shift = changed
    scores = base + spread @ change.T + shift
    right = (scores.softmax(1) @ groups).gather(1, classes.unsqueeze(1)).squeeze(1)
    held = change.square().sum() + shift.square().sum()
    value = -(weights * right.clamp_min(_LEAST).log()).sum() + strength / 2 * held
    value.backward()
    return value
