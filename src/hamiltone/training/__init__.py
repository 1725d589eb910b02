"""Training: settings in, record out. One loop for RH-Emo, the orthogonal tasks, and recognisers with anti-transfer."""

from ._evaluate import evaluate
from ._lineage import read_record
from ._loop import TrainingError
from ._material import load_material
from ._probe import probe
from ._reading import SettingsError, read_settings, settings_from
from ._run import train
from ._settings import RunSettings

__all__ = [
    "RunSettings",
    "SettingsError",
    "TrainingError",
    "evaluate",
    "load_material",
    "probe",
    "read_record",
    "read_settings",
    "settings_from",
    "train",
]
