"""Devices by name: what torch knows is taken, what this machine has not is one line; and what is set for a while."""

import os

import pytest
import torch

from hamiltone.machine import DeviceError, computes_bf16, torch_device
from hamiltone.settings import SettingsError
from hamiltone.training import _loop, train
from hamiltone.training._determinism import deterministic

from .conftest import Make

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def test_names_are_torchs_own(monkeypatch):
    assert torch_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert torch_device("auto") == torch_device("cuda") == torch.device("cuda")
    assert torch_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(DeviceError, match=r"'cuda:2' is not here: this machine has cpu, cuda:0 to cuda:1"):
        torch_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert torch_device("auto") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:x"])
def test_a_name_that_torch_does_not_know_is_one_line(name):
    with pytest.raises(DeviceError, match="none that torch knows"):
        torch_device(name)


def test_settings_take_a_device_and_refuse_others(settings_for: Make, tmp_path):
    assert settings_for(tmp_path, device="cuda:1").device == "cuda:1"
    with pytest.raises(SettingsError, match=r"device: .*'gpu'"):
        settings_for(tmp_path, device="gpu")
    with pytest.raises(SettingsError, match="processes are several, but device cuda:1 is one"):
        settings_for(tmp_path, device="cuda:1", processes=2)


def test_fast_bf16_is_torchs_own_judgement(monkeypatch: pytest.MonkeyPatch) -> None:
    assert computes_bf16(torch.device("cuda"))
    x = torch.zeros(1, 4, 8, 8, dtype=torch.bfloat16)
    with torch.profiler.profile() as profile:
        torch.conv2d(x, torch.zeros(4, 4, 3, 3, dtype=torch.bfloat16))
    used = {event.key for event in profile.key_averages()}
    assert computes_bf16(torch.device("cpu")) == ("aten::mkldnn_convolution" in used)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not computes_bf16(torch.device("cpu"))


@pytest.mark.parametrize(
    ("precision", "fast", "told"), [("bf16", False, True), ("bf16", True, False), ("no", False, False)]
)
def test_slow_bf16_is_told(
    settings_for: Make,
    tmp_path,
    monkeypatch,
    capsys: pytest.CaptureFixture[str],
    precision: str,
    fast: bool,
    told: bool,
) -> None:
    monkeypatch.setattr(_loop, "computes_bf16", lambda _device: fast)
    train(settings_for(tmp_path / "run", training__epochs=1, training__precision=precision))
    assert ("note: this processor has no fast bf16" in capsys.readouterr().err) == told


@pytest.mark.parametrize("workspace", [None, ":16:8"])
@pytest.mark.parametrize(("asked", "warned"), [(False, False), (True, True), (True, False)])
def test_determinism_ends_where_it_ends(
    monkeypatch: pytest.MonkeyPatch, workspace: str | None, asked: bool, warned: bool
) -> None:
    monkeypatch.delenv(WORKSPACE, raising=False)
    if workspace:
        monkeypatch.setenv(WORKSPACE, workspace)
    threads = torch.get_num_threads()
    torch.use_deterministic_algorithms(asked, warn_only=warned)
    try:
        with deterministic(threads + 1):
            assert torch.are_deterministic_algorithms_enabled()
            assert os.environ[WORKSPACE] == (workspace or ":4096:8")
        found = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    assert found == (asked, warned)
    assert os.environ.get(WORKSPACE) == workspace
    assert torch.get_num_threads() == threads
