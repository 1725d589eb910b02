"""Settings of a run: typed models, read from TOML files. Without torch.

    settings = read_settings("run.toml", ["training.epochs=10"])
    settings.network.layer_names()      # the convolutions that anti-transfer counts

Networks and fronts come in kinds (``NETWORKS``, ``FRONTS``), each with a model of its own; ``describe`` tells of every
key, and is what ``hamiltone settings`` prints.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hamiltone.settings_paths import SettingsError, expand

from ._fronts import (
    FRONTS,
    DerivativesSettings,
    FrontSettings,
    LogMelSettings,
    Normalisation,
    RHEmoFrontSettings,
    SpectrogramSettings,
    StatisticsSettings,
)
from ._kinds import Kinds, KindSettings
from ._networks import (
    NETWORKS,
    VGG_CONFIGURATIONS,
    EnsembleSettings,
    NetworkSettings,
    ResidualSettings,
    Shape,
    VGGSettings,
)
from ._optimisation import OptimisationSettings
from ._reading import dotted, laid_over, nested, read_settings, read_toml, settings_from, validated
from ._reference import Key, describe, reference_page
from ._run import AntiTransferSettings, RHEmoSettings, RunSettings, Task

if TYPE_CHECKING:
    from ._dataset import Dataset, load_dataset, load_statistics

__all__ = [
    "FRONTS",
    "NETWORKS",
    "VGG_CONFIGURATIONS",
    "AntiTransferSettings",
    "Dataset",
    "DerivativesSettings",
    "EnsembleSettings",
    "FrontSettings",
    "Key",
    "KindSettings",
    "Kinds",
    "LogMelSettings",
    "NetworkSettings",
    "Normalisation",
    "OptimisationSettings",
    "RHEmoFrontSettings",
    "RHEmoSettings",
    "ResidualSettings",
    "RunSettings",
    "SettingsError",
    "Shape",
    "SpectrogramSettings",
    "StatisticsSettings",
    "Task",
    "VGGSettings",
    "describe",
    "dotted",
    "expand",
    "laid_over",
    "load_dataset",
    "load_statistics",
    "nested",
    "read_settings",
    "read_toml",
    "reference_page",
    "settings_from",
    "validated",
]

_OF_DATASETS = {"Dataset", "load_dataset", "load_statistics"}


def __getattr__(name: str) -> Any:
    # What reads corpora rests on pandas (77 MB), which who only hears recordings does without.
    if name in _OF_DATASETS:
        return getattr(import_module("._dataset", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
