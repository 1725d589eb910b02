"""What an extension's network and front cannot do is told in one line, before anything is trained."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from hamiltone.networks import SpectrogramFront, build_front, build_network
from hamiltone.records import RunRecord
from hamiltone.settings import Dataset, LogMelSettings, VGGSettings, settings_from
from hamiltone.speech import Spectrogram
from hamiltone.training import TrainingError, _models
from hamiltone.training._lineage import EarlierRun, Lineage
from hamiltone.training._stored_frames import Frames


def settings(**changes: Any) -> Any:
    front = {"kind": "spectrogram"}
    content = {"name": "a", "out": "b", "corpus": {"name": "synthetic"}, "front": front, "network": {"depth": 11}}
    return settings_from(content | changes, "test")


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_batch_norms_that_settings_keep_silent_about(norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VGGSettings, "trains_batch_norms", False)
    network = {"depth": 11, "algebra": "real", "width": 1 / 32, "hidden": 8, "norm": norm}
    front = SpectrogramFront(Spectrogram(scale="decibel", normalisation="none"))

    def made(processes: int) -> Any:
        return _models.make_recognizer(
            settings(network=network, processes=processes), Lineage(), front, ["a", "b"], lambda _: {}
        )

    made(1)
    if norm == "none":
        made(2)
        return
    with pytest.raises(TrainingError, match=r"batch norms \(features.1\).*VGGSettings.trains_batch_norms") as told:
        made(2)
    assert "\n" not in str(told.value)


def test_masks_over_a_front_that_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    front: Any = build_front(LogMelSettings())
    monkeypatch.setattr(_models, "_made_front", lambda *_: front)
    unread = Lineage(), Frames.__new__(Frames), Dataset.__new__(Dataset)
    for augmentation in ({"time_masks": 1}, {"frequency_masks": 1}):
        assert _models.make_front(settings(augmentation=augmentation), *unread) is front

    def refuse(*_: Any, masked: Any = None) -> None:
        if masked is not None:
            raise ValueError("there is no spectrogram")

    monkeypatch.setattr(type(front), "forward", refuse)
    _models.make_front(settings(augmentation={"gain_db": [-1, 1]}), *unread)
    told = re.escape("front.kind log-mel (LogMelFront: there is no spectrogram); leave time_masks")
    for augmentation in ({"time_masks": 1}, {"frequency_masks": 1}):
        with pytest.raises(TrainingError, match=told):
            _models.make_front(settings(augmentation=augmentation), *unread)


def test_the_layer_that_a_start_from_other_classes_leaves_out_is_the_one_that_gives_scores(monkeypatch) -> None:
    front = SpectrogramFront(Spectrogram(scale="decibel", normalisation="none"))

    def with_another_layer(settings: Any, shape: Any, classes: int) -> Any:
        network = build_network(settings, shape, classes)
        network.add_module("after", torch.nn.Linear(2, 2))  # the last that is registered, and gives no scores
        return network

    monkeypatch.setattr(_models, "build_network", with_another_layer)
    network = {"depth": 11, "algebra": "real", "width": 1 / 32, "hidden": 8}
    made = partial(_models.make_recognizer, settings(network=network))
    earlier, _ = made(Lineage(), front, ["a", "b"], lambda _: {})
    start = EarlierRun(Path("earlier"), RunRecord.model_construct(), earlier)
    later, _ = made(Lineage(start=start), front, ["a", "b", "c"], lambda _: {})
    before, after = earlier.network.state_dict(), later.network.state_dict()
    assert len(after[f"{later.network.config.last_hidden}.bias"]) == 3
    for name in ("after.weight", "features.0.weight"):
        assert torch.equal(before[name], after[name])
