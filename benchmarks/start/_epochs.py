"""The first epochs of a training from each start."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hamiltone.records import Epoch
from hamiltone.training import settings_from, train

from ._signal import STARTS

RATES = (1e-5, 3e-4)
"""Learning rates: the paper's, and the quickstart's."""


def first_epochs(
    start: str, rate: float, *, corpus: dict[str, Any], width: float, epochs: int, seed: int
) -> tuple[Epoch, ...]:
    """The epochs of a recogniser of unseen speakers' emotions upon the spectrogram's derivatives.

    Raises:
        HamiltoneError: the corpus cannot be read.
    """
    with TemporaryDirectory() as folder:
        content = {
            "name": f"{start}, {rate:g}",
            "out": str(Path(folder) / "run"),
            "seed": seed,
            "threads": 1,
            "device": "cpu",
            "corpus": corpus,
            "split": {"kind": "actor", "fractions": [0.5, 0.25, 0.25]},
            "front": {"kind": "derivatives", "scale": "decibel"},
            "network": {"width": width, **STARTS[start]},
            "training": {"learning_rate": rate, "epochs": epochs, "patience": epochs},
        }
        return train(settings_from(content, where="benchmarks.start"), quiet=True).epochs
