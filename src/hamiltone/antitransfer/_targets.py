"""Stored targets: a frozen network's feature maps in the smallest form in which equation 1 can use them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hamiltone.antitransfer._similarity import (
    as_matrix,
    example_scale,
    full_precision,
    scaled,
    squared_gram_cosine,
    squared_gram_cosine_to,
)


@dataclass(frozen=True)
class GramTargets:
    """The frozen side of equation 1 for many examples, one row each.

    A row is the upper half of the Gram matrix (row by row, diagonal included) or, where that is smaller, the feature
    map, flattened; scaled so that the Gram matrix has norm 1, which equation 1 does not notice and half precision
    needs. With :meth:`of`'s half precision the loss and its gradient differ from those of the maps by less than 1e-3
    of their norms.

    Attributes:
        values: (example, size), of any floating dtype, possibly memory-mapped.
        shape: channel, then space, of the maps that they stand for.

    Raises:
        ValueError: rows that are not of the size that ``shape`` asks for.
    """

    values: Float[Tensor, "example size"]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != self.row_size(self.shape):
            raise ValueError(
                f"targets for maps of shape {self.shape} have rows of {self.row_size(self.shape)} values, "
                f"got values of shape {tuple(self.values.shape)}"
            )

    @classmethod
    def of(cls, maps: Float[Tensor, "example channel *space"], dtype: torch.dtype = torch.float16) -> "GramTargets":
        """The targets of some feature maps; maps without any value above the smallest normal number become zeros."""
        shape = tuple(maps.shape[1:])
        with torch.no_grad(), full_precision(maps.device):
            matrices = scaled(as_matrix(maps), example_scale(as_matrix(maps)), maps.dtype)
            channels, positions = matrices.shape[1:]
            small = matrices.mT @ matrices if positions < channels else matrices @ matrices.mT
            # A scaled map holds an entry of size 1, so only the Gram matrix of a zero map has a norm below 1.
            norm = torch.linalg.matrix_norm(small, keepdim=True).clamp(min=1)
            if not _as_gram(shape):
                return cls((matrices / norm.sqrt()).flatten(1).to(dtype), shape)
            gram = matrices @ matrices.mT if positions < channels else small
            rows, columns = torch.triu_indices(channels, channels, device=maps.device)
            return cls((gram / norm)[:, rows, columns].to(dtype), shape)

    @staticmethod
    def serve(aggregation: str, distance: str) -> bool:
        """Whether rows are enough for this comparison: equation 1's. All others need whole maps, or a live network."""
        return (aggregation, distance) == ("gram", "squared_cosine")

    @staticmethod
    def row_size(shape: Sequence[int]) -> int:
        """How many values a row has for maps of ``shape``."""
        channels = shape[0]
        return channels * (channels + 1) // 2 if _as_gram(shape) else prod(shape)

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, index: Int[Tensor, " batch"]) -> "GramTargets":
        """Some rows, in the order of ``index``."""
        return replace(self, values=self.values.index_select(0, index.to(self.values.device)))

    def to(self, device: torch.device) -> "GramTargets":
        """The same on a device."""
        return replace(self, values=self.values.to(device, non_blocking=True))

    def squared_cosine(self, maps: Float[Tensor, "example channel *space"]) -> Float[Tensor, " example"]:
        """Squared cosine of each target's Gram matrix and that of a trained network's map (equation 1), with gradient.

        Raises:
            ValueError: the maps have another shape.
        """
        if (len(self), *self.shape) != tuple(maps.shape):
            raise ValueError(f"targets for maps of shape {(len(self), *self.shape)}, got maps {tuple(maps.shape)}")
        if not _as_gram(self.shape):
            return squared_gram_cosine(self.values.view(maps.shape), maps)
        channels = self.shape[0]
        gram = self.values.index_select(1, _places(channels).to(self.values.device))
        return squared_gram_cosine_to(gram.view(-1, channels, channels), maps)


def _as_gram(shape: Sequence[int]) -> bool:
    channels = shape[0]
    return channels * (channels + 1) // 2 <= prod(shape)


@lru_cache(maxsize=32)
def _places(channels: int) -> Int[Tensor, " entries"]:
    """For each entry of a symmetric matrix, row by row, its place in the stored upper half."""
    row, column = torch.meshgrid(torch.arange(channels), torch.arange(channels), indexing="ij")
    low, high = torch.minimum(row, column), torch.maximum(row, column)
    return (low * channels - low * (low + 1) // 2 + high).flatten()
