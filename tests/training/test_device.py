"""Devices by name: what torch knows is taken, what this machine has not is one line."""

import pytest
import torch

from hamiltone.machine import DeviceError, torch_device
from hamiltone.settings import SettingsError

from .conftest import Make


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
