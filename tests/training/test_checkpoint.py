import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from hamiltone.training import _checkpoint, train
from hamiltone.training._checkpoint import Checkpoint, Progress

from .conftest import Make


def make() -> tuple[nn.Module, torch.optim.Optimizer]:
    convolution = nn.Conv2d(3, 4, 3)
    network = nn.Sequential(convolution, nn.Flatten(), nn.Dropout(0.5), nn.Linear(16, 2))
    convolution.weight.data = convolution.weight.data.contiguous(memory_format=torch.channels_last)
    return network, torch.optim.Adam(network.parameters(), lr=0.01)


def step(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    x = torch.randn(5, 3, 4, 4) + float(np.random.rand())
    network(x).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_going_on_equals_never_having_stopped(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, optimizer = make()
    for _ in range(3):
        step(network, optimizer)
    progress = Progress(epoch=2, step=3, sums={"loss": 0.1 + 0.2}, examples=15, best_epoch=1, best_value=1 / 3)
    Checkpoint(tmp_path, "one").save_best(network, 1)
    Checkpoint(tmp_path, "one").save(network, optimizer, progress)
    for _ in range(3):
        step(network, optimizer)

    torch.manual_seed(99)
    np.random.seed(99)
    other, other_optimizer = make()
    assert Checkpoint(tmp_path, "one").restore(other, other_optimizer) == progress
    for _ in range(3):
        step(other, other_optimizer)
    for name, value in network.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_pythons_random_state_comes_back(tmp_path: Path) -> None:
    # In a process of its own: the type checks of the tests draw from Python's generator.
    script = f"""
import random, torch
import subprocess
import sys
from pathlib import Path
from hamiltone.training._checkpoint import Checkpoint, Progress
network = torch.nn.Linear(1, 1)
checkpoint = Checkpoint(Path({str(tmp_path)!r}), "one")
checkpoint.save(network, torch.optim.Adam(network.parameters()), Progress())
drawn = random.random()
random.seed(1)
checkpoint.restore(network, torch.optim.Adam(network.parameters()))
assert random.random() == drawn
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_of_all_gpus_the_random_state_of_the_runs_own_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = {torch.device("cuda", index): torch.full((16,), index, dtype=torch.uint8) for index in range(2)}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: list(states.values()))
    monkeypatch.setattr(torch.cuda, "get_rng_state", states.__getitem__)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, gpu: states.update({gpu: state}))
    (first, second) = states
    Checkpoint(tmp_path / "cpu", "one").save(*make(), Progress())
    assert {name for name in names(tmp_path / "cpu") if name.startswith("random.")} == {"random.torch"}

    monkeypatch.setattr(_checkpoint, "_gpu_of", lambda _model: second)
    Checkpoint(tmp_path / "gpu", "one").save(*make(), Progress())
    assert {name for name in names(tmp_path / "gpu") if name.startswith("random.")} == {"random.torch", "random.gpu"}
    monkeypatch.setattr(_checkpoint, "_gpu_of", lambda _model: first)  # where one is left, it is the first
    Checkpoint(tmp_path / "gpu", "one").restore(*make())
    assert torch.equal(states[first], states[second])


def names(folder: Path) -> set[str]:
    (state,) = folder.glob("state-*")
    return set(load_file(state))


def test_nothing_saved_is_nothing_restored(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path, "one").restore(*make()) is None


def test_the_best_weights_are_those_that_the_state_names(tmp_path: Path) -> None:
    network, optimizer = make()
    checkpoint = Checkpoint(tmp_path, "one")
    checkpoint.save_best(network, 1)
    checkpoint.save(network, optimizer, Progress(best_epoch=1))
    first = {name: value.clone() for name, value in network.state_dict().items()}
    step(network, optimizer)
    checkpoint.save_best(network, 2)  # killed here, the state still names epoch 1, whose file must be there
    checkpoint.load_best(network, 1)
    assert all(torch.equal(value, first[name]) for name, value in network.state_dict().items())
    checkpoint.save(network, optimizer, Progress(best_epoch=2))
    assert sorted(path.name for path in tmp_path.glob("best-*")) == [
        "best-000001.safetensors",
        "best-000002.safetensors",
    ]
    checkpoint.save(network, optimizer, Progress(epoch=2, best_epoch=2))  # the last two states are kept, and their best
    assert sorted(path.name for path in tmp_path.glob("best-*")) == ["best-000002.safetensors"]


def test_what_killed_writers_left_goes_before_a_run_goes_on(settings_for: Make, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "checkpoint"
    folder.mkdir(parents=True)
    left = [f".{name}.safetensors.0123456789ab.draft" for name in ("state-000001-000000003", "best-000001")]
    for name in left:
        (folder / name).write_bytes(b"half")
    (folder / ".mine").touch()

    def restored(*_: object) -> None:
        assert [path.name for path in folder.glob(".*")] == [".mine"]
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoint, "restore", restored)
        train(settings_for(tmp_path / "run"), quiet=True)


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path, "two").owner() is None
    Checkpoint(tmp_path, "one").save(*make(), Progress())
    assert Checkpoint(tmp_path, "two").owner() == "one"


def test_no_pickle_is_written(tmp_path: Path) -> None:
    network, optimizer = make()
    step(network, optimizer)
    Checkpoint(tmp_path, "one").save(network, optimizer, Progress())
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".safetensors"}


@pytest.mark.parametrize("moments", [1, 2])
def test_adams_moments_keep_their_memory_format(tmp_path: Path, moments: int) -> None:
    network, optimizer = make()
    for _ in range(moments):
        step(network, optimizer)
    Checkpoint(tmp_path, "one").save(network, optimizer, Progress())
    other, other_optimizer = make()
    Checkpoint(tmp_path, "one").restore(other, other_optimizer)
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert other_optimizer.state[two]["exp_avg"].stride() == optimizer.state[one]["exp_avg"].stride()
        assert torch.equal(other_optimizer.state[two]["exp_avg_sq"], optimizer.state[one]["exp_avg_sq"])
