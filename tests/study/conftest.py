"""A study small enough for tests: real networks on a few synthetic clips, no RH-Emo."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hamiltone.corpora import Split, load_corpus
from hamiltone.study import Study

Make = Callable[..., Study]


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split file that trains on 64 of the 512 synthetic clips, of all voices, words and emotions."""
    corpus = load_corpus("synthetic")
    place = np.arange(len(corpus))
    chosen = (place // 8 + place // 64 + place) % 8 == 0
    ids = [tuple(corpus.select(part).table["utterance"]) for part in (chosen, ~chosen)]
    path = tmp_path_factory.mktemp("few") / "split.json"
    Split("synthetic", "random", 0, {"train": ids[0], "validation": ids[1], "test": ()}).write(path)
    return path


@pytest.fixture(scope="session")
def study_of(few: Path) -> Make:
    """A study of real networks on few clips; its keys may be replaced."""

    def make(**changes: Any) -> Study:
        training = {"learning_rate": 1e-3, "epochs": 2, "batch": 16}
        own = {"corpus": {"name": "synthetic"}, "split": {"fractions": [0.5, 0.25, 0.25]}}
        content: dict[str, Any] = {
            "name": "tiny",
            "corpora": {"synthetic": {"within": str(few)}},
            "splits": [{"kind": "random", "fractions": [0.5, 0.25, 0.25]}],
            "methods": ["none", "S", "SW"],
            "layers": [2],
            "probes": False,
            "run": {
                "threads": 1,
                "device": "cpu",
                "front": {"kind": "spectrogram", "scale": "decibel"},
                "network": {"depth": 11, "algebra": "real", "width": 1 / 32, "hidden": 16},
                "training": training,
            },
            "word": own,
            "speaker": own,
            "networks": {"real": {}},
        }
        return Study.model_validate(content | changes)

    return make
