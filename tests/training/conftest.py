"""A tiny corpus, a cache of its own, and settings small enough for tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hamiltone.corpora import Split, load_corpus
from hamiltone.training import RunSettings, settings_from, train

Make = Callable[..., RunSettings]

_ALIVE = 3  # a seed whose RH-Emo tells clips apart on each axis after two epochs: of some, most axes are constant yet


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split file that trains on 74 of the 512 synthetic clips: ``corpus.within`` makes them a small corpus."""
    corpus = load_corpus("synthetic")
    picked = corpus.select(np.arange(len(corpus)) % 7 == 0)
    rest = corpus.select(np.arange(len(corpus)) % 7 != 0)
    ids = [tuple(part.table["utterance"]) for part in (picked, rest)]
    path = tmp_path_factory.mktemp("few") / "split.json"
    Split("synthetic", "random", 0, {"train": ids[0], "validation": ids[1], "test": ()}).write(path)
    return path


@pytest.fixture(scope="session")
def settings_for(few: Path) -> Make:
    """Settings of a run on a few synthetic clips: tiny network, two epochs; any key may be given as section__key."""

    def make(out: Path, **changes: Any) -> RunSettings:
        content: dict[str, Any] = {
            "name": out.name,
            "out": str(out),
            "device": "cpu",
            "threads": 1,
            "corpus": {"name": "synthetic", "within": str(few)},
            "front": {"kind": "spectrogram", "scale": "decibel"},
            "network": {"depth": 11, "algebra": "real", "width": 1 / 32, "hidden": 16},
            "split": {"kind": "random", "fractions": [0.5, 0.25, 0.25]},
            "training": {"learning_rate": 1e-3, "epochs": 2, "batch": 16},
        }
        for path, value in changes.items():
            section, _, key = path.partition("__")
            if key:
                content.setdefault(section, {})[key] = value
            else:
                content[section] = value
        return settings_from(content, where="test")

    return make


@pytest.fixture(scope="session")
def chain(settings_for: Make, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of all kinds of runs, each resting on those before, as a user would train them."""
    folder = tmp_path_factory.mktemp("chain")

    def quaternion(name: str, **changes: Any) -> RunSettings:
        front = {"kind": "rh-emo", "source": str(folder / "rh-emo"), "scale": "decibel"}
        network = {"depth": 11, "algebra": "quaternion", "width": 1 / 16, "hidden": 16}
        return settings_for(folder / name, **{"front": front, "network": network, **changes})

    def anti_transfer(orthogonal: str) -> dict[str, Any]:
        return {"orthogonal": str(folder / orthogonal), "layers": [2]}

    everything = [
        settings_for(folder / "rh-emo-1", task="rh-emo", seed=_ALIVE, front={"scale": "decibel"}, training__epochs=1),
        settings_for(
            folder / "rh-emo",
            task="rh-emo",
            seed=_ALIVE,
            front={"scale": "decibel"},
            init_from=str(folder / "rh-emo-1"),
            rh_emo={"beta": 0.01, "hidden": 8},
            training__epochs=1,
        ),
        quaternion("word", task="word", frames={"random_offset": True}, leaks="report"),
        quaternion("speaker", task="speaker", leaks="report"),
        quaternion("baseline"),
        quaternion("at-speaker", anti_transfer=anti_transfer("speaker"), leaks="report"),
        quaternion(
            "dual-sw", anti_transfer=anti_transfer("word"), init_from=str(folder / "at-speaker"), leaks="report"
        ),
        quaternion("joint", front__trainable=True),
        settings_for(folder / "real"),
    ]
    for settings in everything:
        train(settings, quiet=True, command="a test")
    return {settings.name: folder / settings.name for settings in everything}
