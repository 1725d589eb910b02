"""Checkpoints of a training: all that it takes to go on as if nothing had happened. safetensors and JSON, no pickle."""

import json
import random
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hamiltone.errors import HamiltoneError
from hamiltone.files import atomic_path

_CONTENT = "hamiltone"


@dataclass
class Progress:
    """Where a training stands. ``step`` batches of ``epoch`` (counted from 1) are done; sums are of that epoch."""

    epoch: int = 1
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    examples: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    epochs: list[dict[str, Any]] = field(default_factory=list)
    epoch_seconds: list[float] = field(default_factory=list)
    epoch_cpu_seconds: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    peak_memory: int = 0


class CheckpointError(HamiltoneError):
    """A checkpoint that is damaged."""


class Checkpoint:
    """The checkpoint of one run, in a folder of its own.

    The state (model, Adam, random states, :class:`Progress`, the run's key) is one file, so that it is replaced as a
    whole. The best weights so far lie in another, named by epoch; the state says which epoch counts, so that being
    killed between the two is harmless. A folder without state belongs to nobody.

    Args:
        folder: made when there is something to save.
        run: the key of the run.
        about: what else its state tells of the run, fit for JSON.
    """

    def __init__(self, folder: Path, run: str, about: Mapping[str, Any] | None = None) -> None:
        self._folder = folder
        self._run = run
        self._about = about or {}

    def owner(self) -> str | None:
        """The key of the run whose state lies here; None where there is none.

        Raises:
            CheckpointError: the state is damaged.
        """
        return self._content()["run"] if self._state.is_file() else None

    def about(self) -> dict[str, Any]:
        """What the state that lies here tells of its run.

        Raises:
            CheckpointError: the state is damaged.
        """
        return self._content().get("about", {})

    def save(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        progress: Progress,
        average: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Replace the saved state; ``average`` is that of the weights, where one is kept."""
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in (average or {}).items()}
        tensors["random.torch"] = torch.get_rng_state()
        for index, state in enumerate(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []):
            tensors[f"random.cuda.{index}"] = state
        optimizer_state = optimizer.state_dict()
        for index, values in optimizer_state["state"].items():
            for name, value in values.items():
                tensors[f"optimizer.{index}.{name}"] = value
        content = {
            "run": self._run,
            "about": self._about,
            "progress": asdict(progress),
            "groups": optimizer_state["param_groups"],
            "random": {"python": random.getstate(), "numpy": _numpy_state()},
        }
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        with atomic_path(self._state) as draft:
            save_file(plain, draft, metadata={_CONTENT: json.dumps(content)})
        for path in self._folder.glob("best-*.safetensors"):
            if path != self._best_path(progress.best_epoch):
                path.unlink()

    def restore(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, average: Mapping[str, Tensor] | None = None
    ) -> Progress | None:
        """Bring model, optimizer, average and random states back to the saved state; None where nothing was saved.

        Raises:
            CheckpointError: the state is damaged.
        """
        if not self._state.is_file():
            return None
        content = self._content()
        # Tensors are cloned: those of a file lie at any address, and vector units may sum in another order there.
        tensors = {name: tensor.clone() for name, tensor in load_file(self._state).items()}
        model.load_state_dict(_below("model.", tensors), strict=True)
        for name, tensor in _below("average.", tensors).items():
            (average or {})[name].copy_(tensor)
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below("optimizer.", tensors).items():
            index, _, part = name.partition(".")
            like = parameters[int(index)]
            # In the parameter's own memory format: another one would take another path through the vector units.
            placed = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
            state.setdefault(int(index), {})[part] = placed
        optimizer.load_state_dict({"state": state, "param_groups": content["groups"]})
        torch.set_rng_state(tensors["random.torch"])
        if cuda := _below("random.cuda.", tensors):
            torch.cuda.set_rng_state_all([cuda[str(index)] for index in range(len(cuda))])
        version, internal, gauss = content["random"]["python"]
        random.setstate((version, tuple(internal), gauss))
        np.random.set_state(content["random"]["numpy"])
        return Progress(**content["progress"])

    def save_best(self, model: nn.Module, epoch: int) -> None:
        """Keep these weights as the best of all epochs so far."""
        with atomic_path(self._best_path(epoch)) as draft:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}, draft)

    def load_best(self, model: nn.Module, epoch: int) -> None:
        """Bring back the best weights, which are those of ``epoch``."""
        model.load_state_dict(load_file(self._best_path(epoch)), strict=True)

    def remove(self) -> None:
        """Remove the folder, if it is there."""
        if self._folder.is_dir():
            shutil.rmtree(self._folder)

    @property
    def _state(self) -> Path:
        return self._folder / "state.safetensors"

    def _best_path(self, epoch: int) -> Path:
        return self._folder / f"best-{epoch:04d}.safetensors"

    def _content(self) -> dict[str, Any]:
        try:
            with safe_open(self._state, framework="pt") as file:
                return json.loads(file.metadata()[_CONTENT])
        except (SafetensorError, KeyError, TypeError, ValueError):
            raise CheckpointError(f"{self._state}: is damaged; remove {self._folder} to begin anew") from None


def _numpy_state() -> dict[str, Any]:
    """The state of numpy's global generator, as JSON can hold it; ``np.random.set_state`` takes it."""
    state = dict(np.random.get_state(legacy=False))
    inner = state["state"]
    return {**state, "state": {"key": inner["key"].tolist(), "pos": inner["pos"]}}


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
