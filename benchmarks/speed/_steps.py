"""Training steps to be measured: forward, backward and Adam, with or without the anti-transfer loss."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.antitransfer import AntiTransferLoss, FeatureTaps, GramTargets, freeze
from hamiltone.networks import VGG, RHEmoEncoder, vgg
from hamiltone.quaternion import forms

Algebra = Literal["real", "quaternion"]
SPECTROGRAM = (1, 512, 128)
AntiTransfer = Literal["none", "naive", "live", "stored"]


@dataclass(frozen=True)
class StepCase:
    """A VGG16's training step.

    Attributes:
        algebra: of the network.
        form: how quaternion layers compute, see ``hamiltone.quaternion.forms``.
        channels_last: the memory format of input and weights.
        shape: channels, time, frequency of the network's input.
        batch: examples.
        width: of the network.
        anti_transfer: none; ``naive`` runs a whole frozen network and writes equation 1 as it stands; ``live`` and
            ``stored`` are those of ``AntiTransferLoss``.
        layer: at which convolution.
        encoder: the input is a spectrogram that a frozen RH-Emo turns into the embedding, 4 x 64 x 64, first.
        clips: the step is an epoch over so many clips in memory-mapped files; 0: one batch in memory.
    """

    algebra: Algebra
    form: str = "table"
    channels_last: bool = True
    shape: tuple[int, int, int] = (4, 64, 64)
    batch: int = 20
    width: float = 1.0
    anti_transfer: AntiTransfer = "none"
    layer: int = 0
    encoder: bool = False
    clips: int = 0

    def as_json(self) -> dict[str, Any]:
        """What :func:`from_json` takes."""
        return asdict(self)


def from_json(content: dict[str, Any]) -> StepCase:
    """The case that ``as_json`` has written."""
    return StepCase(**{**content, "shape": tuple(content["shape"])})


class Steps:
    """Makes steps; cases of the same network share it, so that many can take turns without filling the memory."""

    def __init__(self) -> None:
        self._networks: dict[tuple[Any, ...], VGG] = {}
        self._optimizers: dict[int, torch.optim.Adam] = {}

    def step(self, case: StepCase) -> Callable[[], None]:
        """A function that does the step of a case (or its epoch)."""
        network = self._network(case, "trained")
        adam = self._optimizers.setdefault(id(network), torch.optim.Adam(network.parameters(), lr=1e-5))
        anti_transfer = self._anti_transfer(case)
        batches = _Stored(case) if case.clips else _InMemory(case)
        encoder = freeze(RHEmoEncoder()) if case.encoder else None

        def run() -> None:
            with forms(case.form):
                for inputs, classes, rows in batches:
                    adam.zero_grad(set_to_none=True)
                    x = inputs if encoder is None else _embedding(encoder, inputs, case)
                    self._loss(case, network, anti_transfer, x, classes, rows).backward()
                    adam.step()

        return run

    def _loss(
        self,
        case: StepCase,
        network: VGG,
        anti_transfer: AntiTransferLoss | None,
        x: Tensor,
        classes: Tensor,
        rows: Tensor,
    ) -> Float[Tensor, ""]:
        if case.anti_transfer == "naive":
            with FeatureTaps(network, [case.layer]) as taps, FeatureTaps(self._frozen(case), [case.layer]) as frozen:
                loss = functional.cross_entropy(network(x), classes)
                self._frozen(case)(x)
                return loss + explicit_similarity(taps.take()[case.layer], frozen.take()[case.layer])
        if anti_transfer is None:
            return functional.cross_entropy(network(x), classes)
        with anti_transfer.attach(network):
            loss = functional.cross_entropy(network(x), classes)
            return loss + (anti_transfer(index=rows) if anti_transfer.stored else anti_transfer())

    def _anti_transfer(self, case: StepCase) -> AntiTransferLoss | None:
        if case.anti_transfer == "live":
            return AntiTransferLoss(self._frozen(case), [case.layer])
        if case.anti_transfer == "stored":
            shape = map_shape(self._network(case, "trained"), case.shape, case.layer)
            # Time and memory do not depend on what the targets are, so no frozen network is run for them.
            values = torch.rand(max(case.batch, case.clips), GramTargets.row_size(shape)).half() / 64
            return AntiTransferLoss({case.layer: GramTargets(values, shape)}, [case.layer])
        return None

    def _frozen(self, case: StepCase) -> VGG:
        return self._network(case, "frozen")

    def _network(self, case: StepCase, role: str) -> VGG:
        key = (role, case.algebra, case.shape, case.width, case.channels_last)
        if key not in self._networks:
            network = vgg(16, case.algebra, width=case.width, input_shape=case.shape)
            if case.channels_last:
                network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
            self._networks[key] = freeze(network) if role == "frozen" else network.train()
        return self._networks[key]


def explicit_similarity(
    trained: Float[Tensor, "batch channel time frequency"], frozen: Float[Tensor, "batch channel time frequency"]
) -> Float[Tensor, ""]:
    """Equation 1 as it is written, for autograd to differentiate."""
    grams = [maps.flatten(2) @ maps.flatten(2).mT for maps in (trained, frozen)]
    return functional.cosine_similarity(grams[0].flatten(1), grams[1].flatten(1)).square().mean()


def map_shape(network: VGG, shape: tuple[int, int, int], layer: int) -> tuple[int, int, int]:
    """Channels, time and frequency of the map of a convolution, counted from 1."""
    return convolution_shapes(network, shape)[layer - 1][2]


def convolution_shapes(
    network: VGG, shape: tuple[int, int, int]
) -> list[tuple[nn.Module, tuple[int, int, int], tuple[int, int, int]]]:
    """Each convolution with the shapes of its input and its output."""
    found = []
    for module in network.features:
        if isinstance(module, nn.MaxPool2d):
            shape = (shape[0], shape[1] // 2, shape[2] // 2)
        elif isinstance(out := getattr(module, "out_channels", None), int):
            found.append((module, shape, (out, *shape[1:])))
            shape = (out, *shape[1:])
    return found


def _input_shape(case: StepCase) -> tuple[int, int, int]:
    return SPECTROGRAM if case.encoder else case.shape


def _laid_out(x: Tensor, case: StepCase) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if case.channels_last else x


@torch.no_grad()
def _embedding(encoder: RHEmoEncoder, spectrogram: Tensor, case: StepCase) -> Tensor:
    return _laid_out(encoder(spectrogram), case)


class _InMemory:
    """One batch, again and again."""

    def __init__(self, case: StepCase) -> None:
        self._x = _laid_out(torch.rand(case.batch, *_input_shape(case)), case)
        self._classes = torch.arange(case.batch) % 4
        self._rows = torch.arange(case.batch)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        yield self._x, self._classes, self._rows


class _Stored:
    """The batches of an epoch, read from a memory-mapped file that lasts as long as this."""

    def __init__(self, case: StepCase) -> None:
        self._case = case
        folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, folder)
        path = Path(folder) / "inputs"
        shape = (case.clips, *_input_shape(case))
        inputs = np.memmap(path, np.float32, mode="w+", shape=shape)
        for row in range(case.clips):
            inputs[row] = np.random.default_rng(row).random(shape[1:], np.float32)
        inputs.flush()
        self._open = partial(np.memmap, path, np.float32, mode="r", shape=shape)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        inputs = self._open()
        order = torch.randperm(self._case.clips, generator=torch.Generator().manual_seed(0))
        for rows in order.split(self._case.batch):
            x = torch.from_numpy(inputs[rows.numpy()])
            yield _laid_out(x, self._case), rows % 4, rows
