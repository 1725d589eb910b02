"""Stored targets of the frozen network serve as the live network does; normalisation of another corpus and split."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hamiltone.antitransfer import frozen_maps, squared_gram_cosine
from hamiltone.networks import load_recognizer, weights_key
from hamiltone.records import RunRecord
from hamiltone.training import read_record, read_settings, train
from hamiltone.training._stored_targets import stored_targets

from .conftest import Make


def again(run: Path, out: Path, *overrides: str) -> RunRecord:
    return train(read_settings(run / "settings.toml", [f"out={out}", *overrides]), quiet=True)


def test_live_and_stored_targets_train_alike(chain: dict[str, Path], tmp_path: Path) -> None:
    stored = read_record(chain["at-speaker"])
    live = again(chain["at-speaker"], tmp_path / "live", "anti_transfer.targets=live")
    assert stored.settings_hash != live.settings_hash
    for one, other in zip(stored.epochs, live.epochs, strict=True):
        assert one.train["anti_transfer"] > 0.01
        assert one.train == pytest.approx(other.train, rel=2e-3)
        assert one.train != other.train  # half precision tells the two ways apart


def test_early_stopping_on_the_whole_loss_uses_the_rows_of_validation(chain: dict[str, Path], tmp_path: Path) -> None:
    stored = again(chain["at-speaker"], tmp_path / "stored", "training.monitor=loss")
    live = again(chain["at-speaker"], tmp_path / "live", "training.monitor=loss", "anti_transfer.targets=live")
    for one, other in zip(stored.epochs, live.epochs, strict=True):
        term = one.validation["anti_transfer"]
        assert term == pytest.approx(other.validation["anti_transfer"], rel=2e-3)
        assert term != one.train["anti_transfer"]


def test_one_pass_serves_all_layers(chain: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path))
    network = load_recognizer(chain["speaker"] / "model").network
    features = np.random.default_rng(0).random((23, 4, 64, 64), dtype=np.float32)
    passes: list[int] = []

    def store(layers: list[int], others: list[int]) -> Any:
        def report(_what: str, done: int, total: int) -> None:
            passes.extend([done] if done == total else [])

        device = torch.device("cpu")
        return stored_targets(features, "key", network, layers, others=others, device=device, report=report)

    targets = store([2], [1, 5]) | store([1, 5], [])
    assert passes == [23]
    maps = frozen_maps(network, torch.from_numpy(features), layers=[1, 2, 5])
    trained = {layer: torch.rand_like(maps[layer]) for layer in maps}
    for layer, value in targets.items():
        expected = squared_gram_cosine(maps[layer], trained[layer])
        torch.testing.assert_close(value.squared_cosine(trained[layer]), expected, rtol=1e-3, atol=1e-4)
    whole = targets[2].values.clone()
    (folder,) = (tmp_path / "targets").glob("[!.]*")
    (folder / "layer-02" / "rows.npy").write_bytes(b"cut")
    assert torch.equal(store([2], [])[2].values, whole)
    assert passes == [23, 23]


def test_an_orthogonal_task_takes_the_normalisation_of_the_recogniser(settings_for: Make, tmp_path: Path) -> None:
    baseline = train(settings_for(tmp_path / "baseline"), quiet=True)
    settings = settings_for(tmp_path / "own")
    statistics = {"corpus": settings.corpus.model_dump(), "split": {"file": str(tmp_path / "baseline" / "split.json")}}
    front = {"kind": "spectrogram", "scale": "decibel", "statistics": statistics}
    train(settings_for(tmp_path / "speaker", task="speaker", front=front), quiet=True)
    train(settings_for(tmp_path / "other", task="speaker"), quiet=True)

    def key(name: str) -> str:
        return weights_key(load_recognizer(tmp_path / name / "model").front.up_to("spectrogram"))

    assert key("speaker") == key("baseline") != key("other")
    anti_transfer = {"orthogonal": str(tmp_path / "speaker"), "layers": [2]}
    record = train(settings_for(tmp_path / "at", anti_transfer=anti_transfer, leaks="report"), quiet=True)
    assert record.method == "single S"
    assert record.split.hash == baseline.split.hash
