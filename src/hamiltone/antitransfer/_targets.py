"""Stored targets: a frozen network's feature maps in the smallest form in which a comparison can use them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hamiltone.antitransfer._aggregations import aggregated, centred
from hamiltone.antitransfer._distances import aggregated_distance
from hamiltone.antitransfer._similarity import (
    as_matrix,
    example_scale,
    full_precision,
    scaled,
    squared_gram_cosine,
    squared_gram_cosine_to,
)

Kind = TypeVar("Kind", bound="Targets")


@dataclass(frozen=True)
class Targets(ABC):
    """The frozen side of anti-transfer for many examples, one row each.

    Attributes:
        values: (example, size), of any floating dtype, possibly memory-mapped.
        shape: channel, then space, of the maps that they stand for.
        aggregation: what is compared of the maps.

    Raises:
        ValueError: rows that are not of the size that ``shape`` asks for.
    """

    values: Float[Tensor, "example size"]
    shape: tuple[int, ...]
    aggregation: str

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != self.row_size(self.shape):
            raise ValueError(
                f"targets for maps of shape {self.shape} have rows of {self.row_size(self.shape)} values, "
                f"got values of shape {tuple(self.values.shape)}"
            )

    @classmethod
    @abstractmethod
    def of(
        cls: type[Kind],
        maps: Float[Tensor, "example channel *space"],
        dtype: torch.dtype = torch.float32,
        aggregation: str = "gram",
    ) -> Kind:
        """The targets of some feature maps; each kind has defaults that suit it."""

    @staticmethod
    @abstractmethod
    def serve(aggregation: str, distance: str) -> bool:
        """Whether rows are enough for a comparison; if not, it needs whole maps, or a live network."""

    @staticmethod
    @abstractmethod
    def row_size(shape: Sequence[int]) -> int:
        """How many values a row has for maps of ``shape``."""

    @abstractmethod
    def compare(
        self, maps: Float[Tensor, "example channel *space"], distance: str
    ) -> Float[Tensor, "*example_or_none"]:
        """The distance of the targets and a trained network's maps, with gradient, as ``map_distance`` gives it.

        Raises:
            ValueError: the maps have another shape, or the targets do not serve the distance.
        """

    def __len__(self) -> int:
        return len(self.values)

    def rows(self: Kind, index: Int[Tensor, " batch"]) -> Kind:
        """Some rows, in the order of ``index``."""
        return replace(self, values=self.values.index_select(0, index.to(self.values.device)))

    def to(self: Kind, device: torch.device) -> Kind:
        """The same on a device."""
        return replace(self, values=self.values.to(device, non_blocking=True))

    def _check_shape(self, maps: Tensor) -> None:
        if (len(self), *self.shape) != tuple(maps.shape):
            raise ValueError(f"targets for maps of shape {(len(self), *self.shape)}, got maps {tuple(maps.shape)}")


@dataclass(frozen=True)
class GramTargets(Targets):
    """Targets for equation 1, of the maps or of the maps centred over their positions.

    A row is the upper half of the Gram matrix (row by row, diagonal included) or, where that is smaller, the feature
    map, flattened; scaled so that the Gram matrix has norm 1, which equation 1 does not notice and half precision
    needs. With :meth:`of`'s half precision the loss and its gradient differ from those of the maps by less than 1e-3
    of their norms.
    """

    aggregation: str = "gram"

    @classmethod
    def of(
        cls,
        maps: Float[Tensor, "example channel *space"],
        dtype: torch.dtype = torch.float16,
        aggregation: str = "gram",
    ) -> "GramTargets":
        """The targets of some feature maps; maps without any value above the smallest normal number become zeros."""
        shape = tuple(maps.shape[1:])
        with torch.no_grad(), full_precision(maps.device):
            maps = _prepared(maps, aggregation)
            matrices = scaled(as_matrix(maps), example_scale(as_matrix(maps)), maps.dtype)
            channels, positions = matrices.shape[1:]
            small = matrices.mT @ matrices if positions < channels else matrices @ matrices.mT
            # A scaled map holds an entry of size 1, so only the Gram matrix of a zero map has a norm below 1.
            norm = torch.linalg.matrix_norm(small, keepdim=True).clamp(min=1)
            if not _as_gram(shape):
                return cls((matrices / norm.sqrt()).flatten(1).to(dtype), shape, aggregation)
            gram = matrices @ matrices.mT if positions < channels else small
            rows, columns = torch.triu_indices(channels, channels, device=maps.device)
            return cls((gram / norm)[:, rows, columns].to(dtype), shape, aggregation)

    @staticmethod
    def serve(aggregation: str, distance: str) -> bool:
        """Whether rows are enough: for equation 1, centred or not."""
        return aggregation in ("gram", "centred_gram") and distance == "squared_cosine"

    @staticmethod
    def row_size(shape: Sequence[int]) -> int:
        """How many values a row has for maps of ``shape``."""
        channels = shape[0]
        return channels * (channels + 1) // 2 if _as_gram(shape) else prod(shape)

    def compare(self, maps: Float[Tensor, "example channel *space"], distance: str) -> Float[Tensor, " example"]:
        """Equation 1, which is the one distance that these targets serve."""
        if not self.serve(self.aggregation, distance):
            raise ValueError(f"GramTargets serve squared_cosine alone, not {distance}")
        return self.squared_cosine(maps)

    def squared_cosine(self, maps: Float[Tensor, "example channel *space"]) -> Float[Tensor, " example"]:
        """Squared cosine of each target's Gram matrix and that of a trained network's map (equation 1), with gradient.

        Raises:
            ValueError: the maps have another shape.
        """
        self._check_shape(maps)
        with full_precision(maps.device):
            maps = _prepared(maps, self.aggregation)
        if not _as_gram(self.shape):
            return squared_gram_cosine(self.values.view(len(self), *maps.shape[1:]), maps)
        channels = self.shape[0]
        gram = self.values.index_select(1, _places(channels).to(self.values.device))
        return squared_gram_cosine_to(gram.view(-1, channels, channels), maps)


@dataclass(frozen=True)
class PooledTargets(Targets):
    """Targets for any distance of maps that are averaged over their positions: a row is the mean of each channel."""

    aggregation: str = "pooled"

    @classmethod
    def of(
        cls,
        maps: Float[Tensor, "example channel *space"],
        dtype: torch.dtype = torch.float32,
        aggregation: str = "pooled",
    ) -> "PooledTargets":
        """The targets of some feature maps."""
        with torch.no_grad():
            return cls(_aggregated(maps, aggregation).to(dtype), tuple(maps.shape[1:]), aggregation)

    @staticmethod
    def serve(aggregation: str, distance: str) -> bool:  # noqa: ARG004 - all distances do
        """Whether rows are enough: for every distance."""
        return aggregation == "pooled"

    @staticmethod
    def row_size(shape: Sequence[int]) -> int:
        """One value for each channel."""
        return shape[0]

    def compare(
        self, maps: Float[Tensor, "example channel *space"], distance: str
    ) -> Float[Tensor, "*example_or_none"]:
        """Any distance of the means."""
        self._check_shape(maps)
        means = _aggregated(maps, self.aggregation)
        return aggregated_distance(self.values.to(means.dtype), means, distance)


def stored_form(aggregation: str, distance: str) -> type[Targets] | None:
    """The kind of targets that serve a comparison; None: it needs whole maps, or a live network."""
    return next((kind for kind in (GramTargets, PooledTargets) if kind.serve(aggregation, distance)), None)


def _aggregated(maps: Float[Tensor, "example channel *space"], aggregation: str) -> Float[Tensor, "example size"]:
    with full_precision(maps.device):
        return aggregated(as_matrix(_at_least_single(maps)), aggregation)


def _at_least_single(maps: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return maps.to(torch.promote_types(maps.dtype, torch.float32))


def _prepared(
    maps: Float[Tensor, "example channel *space"], aggregation: str
) -> Float[Tensor, "example channel *new_space"]:
    """The maps whose Gram matrices are meant."""
    return centred(as_matrix(_at_least_single(maps)), 2) if aggregation == "centred_gram" else maps


def _as_gram(shape: Sequence[int]) -> bool:
    channels = shape[0]
    return channels * (channels + 1) // 2 <= prod(shape)


@lru_cache(maxsize=32)
def _places(channels: int) -> Int[Tensor, " entries"]:
    """For each entry of a symmetric matrix, row by row, its place in the stored upper half."""
    row, column = torch.meshgrid(torch.arange(channels), torch.arange(channels), indexing="ij")
    low, high = torch.minimum(row, column), torch.maximum(row, column)
    return (low * channels - low * (low + 1) // 2 + high).flatten()
