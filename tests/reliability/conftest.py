"""A run that takes a second and has all that has a state of its own, and a study of such runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from hamiltone.training import RunSettings, train

from ..study.conftest import study_of
from ..training.conftest import Make, few, settings_for
from ._children import results

__all__ = ["few", "settings_for", "study_of"]

TINY: dict[str, Any] = {
    "training__epochs": 2,
    "training__batch": 4,
    "training__checkpoint_seconds": 0.01,
    "training__schedule": "cosine",
    "network__norm": "batch",
    "network__pool": "mean",
    "frames__random_offset": True,
    "augmentation": {"shift_seconds": 0.2, "gain_db": [-6, 6], "snr_db": [5, 20], "time_masks": 1},
}


@dataclass(frozen=True)
class Whole:
    """A run that nothing disturbed.

    Attributes:
        settings: gives the settings of another one in a folder, and the file that they are in.
        results: what each must end with.
        seconds: how long it took.
        folder: where it lies; not to be written to.
    """

    settings: Callable[[Path], tuple[RunSettings, Path]]
    results: dict[str, Any]
    seconds: float
    folder: Path


@pytest.fixture(scope="session")
def whole_of(settings_for: Make, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Whole]:
    """A run of some settings, carried out undisturbed."""

    def make(**changes: Any) -> Whole:
        def settings(out: Path) -> tuple[RunSettings, Path]:
            made = settings_for(out, **changes)
            file = out.with_suffix(".toml")
            file.write_text(tomli_w.dumps(made.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
            return made, file

        folder = tmp_path_factory.mktemp("whole") / "whole"
        started = time.monotonic()
        train(settings(folder)[0], quiet=True)
        return Whole(settings, results(folder), time.monotonic() - started, folder)

    return make


@pytest.fixture(scope="session")
def whole(whole_of: Callable[..., Whole]) -> Whole:
    """The tiny run."""
    return whole_of(**TINY)
