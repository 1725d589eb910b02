"""Checkpoints of a training: all that it takes to go on as if nothing had happened. safetensors and JSON, no pickle."""

import json
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hamiltone.files import atomic_path, atomic_write

_STATE, _TENSORS = "state.json", "state.safetensors"


@dataclass
class Progress:
    """Where a training stands. ``step`` batches of ``epoch`` (counted from 1) are done; sums are of that epoch."""

    epoch: int = 1
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    examples: int = 0
    seconds: float = 0.0
    epochs: list[dict[str, Any]] = field(default_factory=list)
    epoch_seconds: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    peak_memory: int = 0


class Checkpoint:
    """The checkpoint of one run, in a folder of its own.

    The state (model, Adam, random states, :class:`Progress`) is replaced as a whole. The best weights so far lie in a
    file of their own, named by epoch; the state says which counts, so that being killed between the two is harmless.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
        """Replace the saved state."""
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        tensors["random.torch"] = torch.get_rng_state()
        for index, state in enumerate(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []):
            tensors[f"random.cuda.{index}"] = state
        optimizer_state = optimizer.state_dict()
        for index, values in optimizer_state["state"].items():
            for name, value in values.items():
                tensors[f"optimizer.{index}.{name}"] = value
        content = {
            "progress": asdict(progress),
            "groups": optimizer_state["param_groups"],
            "random": {"python": random.getstate(), "numpy": _numpy_state()},
        }
        with atomic_path(self._folder / "state") as draft:
            draft.mkdir()
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, draft / _TENSORS)
            (draft / _STATE).write_text(json.dumps(content))
        for path in self._folder.glob("best-*.safetensors"):
            if path != self._best_path(progress.best_epoch):
                path.unlink()

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress | None:
        """Bring model, optimizer and random states back to the saved state; None where nothing was saved."""
        folder = self._folder / "state"
        if not folder.is_dir():
            return None
        content = json.loads((folder / _STATE).read_text())
        # Tensors are cloned: those of a file lie at any address, and vector units may sum in another order there.
        tensors = {name: tensor.clone() for name, tensor in load_file(folder / _TENSORS).items()}
        model.load_state_dict(_below("model.", tensors), strict=True)
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

    def claim(self, run: str) -> str:
        """Note that this folder belongs to a run, unless it belongs to one; return the key of the run that owns it."""
        path = self._folder / "run"
        if not path.is_file():
            atomic_write(path, run)
        return path.read_text()

    def _best_path(self, epoch: int) -> Path:
        return self._folder / f"best-{epoch:04d}.safetensors"


def _numpy_state() -> dict[str, Any]:
    """The state of numpy's global generator, as JSON can hold it; ``np.random.set_state`` takes it."""
    state = dict(np.random.get_state(legacy=False))
    inner = state["state"]
    return {**state, "state": {"key": inner["key"].tolist(), "pos": inner["pos"]}}


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
