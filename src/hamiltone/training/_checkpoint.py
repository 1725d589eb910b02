"""Checkpoints of a training: all that it takes to go on as if nothing had happened. safetensors and JSON, no pickle."""

import json
import os
import random
import re
import shutil
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hamiltone.errors import HamiltoneError
from hamiltone.files import atomic_path

_CONTENT, _CHECKSUM = "hamiltone", "crc32"


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
    """A checkpoint that is damaged, or was taken away."""


class Checkpoint:
    """The checkpoint of one run, in a folder of its own.

    A state (model, Adam, random states, :class:`Progress`, the run's key) is one file, named by epoch and step. The
    best weights so far lie in another, named by epoch; the state says which epoch counts, so that being killed between
    the two is harmless. The last two states are kept: where the last one is damaged, the one before it is taken.
    A folder without state belongs to nobody.

    Args:
        folder: made when there is something to save.
        run: the key of the run.
        about: what else its states tell of the run, fit for JSON.
        say: told of damaged states.
    """

    def __init__(
        self,
        folder: Path,
        run: str,
        about: Mapping[str, Any] | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._folder = folder
        self._run = run
        self._about = about or {}
        self._say = say
        self._last: tuple[Path, ...] = ()  # the state that was saved or restored last, and its best weights

    def owner(self) -> str | None:
        """The key of the run whose states lie here; None where there is none.

        Raises:
            CheckpointError: all states are damaged.
        """
        content = self._content()
        return None if content is None else content["run"]

    def about(self) -> dict[str, Any]:
        """What the states that lie here tell of their run.

        Raises:
            CheckpointError: all states are damaged.
        """
        return (self._content() or {}).get("about", {})

    def _content(self) -> dict[str, Any] | None:
        states = self._states()
        for path in states:
            with suppress(CheckpointError):
                return _read(path, whole=False)[0]
        if states:
            raise CheckpointError(f"{states[0]}: is damaged, and no state before it is whole; {self._remedy}")
        return None

    def save(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        progress: Progress,
        average: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Save a state beside the last one; ``average`` is that of the weights, where one is kept.

        Raises:
            CheckpointError: what was saved before is gone.
            OSError: it cannot be written; what was saved before is as it was.
        """
        if gone := next((path for path in self._last if not path.exists()), None):
            raise CheckpointError(f"{gone}: is gone; do not remove a run's folder while it is trained: start it again")
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in (average or {}).items()}
        tensors["random.torch"] = torch.get_rng_state()
        if gpu := _gpu_of(model):
            tensors["random.gpu"] = torch.cuda.get_rng_state(gpu)
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
        state = self._folder / f"state-{progress.epoch:06d}-{progress.step:09d}.safetensors"
        _write(state, tensors, content)
        last = (state, *self._best(progress.best_epoch))
        for path in self._folder.glob("*.safetensors"):
            if path not in (*last, *self._last):
                path.unlink()
        self._last = last

    def restore(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, average: Mapping[str, Tensor] | None = None
    ) -> Progress | None:
        """Bring model, optimizer, average and random states back to the saved state; None where nothing was saved.

        Raises:
            CheckpointError: all states are damaged.
        """
        found = self._last_whole_state()
        if found is None:
            return None
        content, tensors = found
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
        if (gpu := _gpu_of(model)) and "random.gpu" in tensors:
            torch.cuda.set_rng_state(tensors["random.gpu"], gpu)
        version, internal, gauss = content["random"]["python"]
        random.setstate((version, tuple(internal), gauss))
        np.random.set_state(content["random"]["numpy"])
        return Progress(**content["progress"])

    def save_best(self, model: nn.Module, epoch: int) -> None:
        """Keep these weights as the best of all epochs so far."""
        for path in self._best(epoch):
            _write(path, model.state_dict())

    def load_best(self, model: nn.Module, epoch: int) -> None:
        """Bring back the best weights, which are those of ``epoch``.

        Raises:
            CheckpointError: they are damaged.
        """
        for path in self._best(epoch):
            try:
                model.load_state_dict(_read(path)[1], strict=True)
            except CheckpointError as error:
                raise CheckpointError(f"{error}; {self._remedy}") from None

    def remove(self) -> None:
        """Remove the folder, if it is there."""
        if self._folder.is_dir():
            shutil.rmtree(self._folder)

    @property
    def _remedy(self) -> str:
        return f"remove {self._folder} to begin anew"

    def _states(self) -> list[Path]:
        """The last one first."""
        return sorted(self._folder.glob("state-*.safetensors"), reverse=True)

    def _best(self, epoch: int) -> tuple[Path, ...]:
        """Where the best weights of an epoch lie; epoch 0 has none."""
        return (self._folder / f"best-{epoch:06d}.safetensors",) if epoch else ()

    def _last_whole_state(self) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        damaged = None
        for path in self._states():
            try:
                content, tensors = _read(path)
                best = self._best(content["progress"]["best_epoch"])
                for weights in best:
                    _read(weights)
            except CheckpointError as error:
                damaged = error
                self._say(f"{error}; the state before it is taken")
                continue
            self._last = (path, *best)
            return content, tensors
        if damaged:
            raise CheckpointError(f"{damaged}, and no state before it is whole; {self._remedy}")
        return None


def _gpu_of(model: nn.Module) -> torch.device | None:
    """The GPU that a model is on. Others draw nothing for it, and may be gone when it goes on."""
    device = next(model.parameters()).device
    return device if device.type == "cuda" else None


def _write(path: Path, tensors: Mapping[str, Tensor], content: Any = None) -> None:
    """Write tensors and JSON-like content with their checksum, whole or not at all."""
    text = json.dumps(content)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {_CONTENT: text, _CHECKSUM: _checksum(plain, text)}
    with atomic_path(path) as draft:
        try:
            save_file(plain, draft, metadata=metadata)
        except SafetensorError as error:  # it tells the system's errors in its own words
            number = re.search(r"\(os error (\d+)\)", str(error))
            if number is None:
                raise
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(draft)) from None


def _read(path: Path, *, whole: bool = True) -> tuple[Any, dict[str, Tensor]]:
    """The content and the tensors of a file; not ``whole``: the content alone, unchecked.

    Raises:
        CheckpointError: it is damaged or missing.
    """
    try:
        path.open("rb").close()  # safe_open calls a file missing that may not be read
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            content = json.loads(metadata[_CONTENT])
            # Cloned: those of a file lie at any address, and vector units may sum in another order there.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()} if whole else {}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(f"{path}: is missing") from None
    except (SafetensorError, KeyError, TypeError, ValueError):
        raise CheckpointError(f"{path}: is damaged") from None
    if whole and _checksum(tensors, metadata[_CONTENT]) != metadata.get(_CHECKSUM):
        raise CheckpointError(f"{path}: is damaged")
    return content, tensors


def _checksum(tensors: Mapping[str, Tensor], content: str) -> str:
    number = zlib.crc32(content.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        number = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), number)
        number = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, number)
    return f"{number:08x}"


def _numpy_state() -> dict[str, Any]:
    """The state of numpy's global generator, as JSON can hold it; ``np.random.set_state`` takes it."""
    state = dict(np.random.get_state(legacy=False))
    inner = state["state"]
    return {**state, "state": {"key": inner["key"].tolist(), "pos": inner["pos"]}}


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
