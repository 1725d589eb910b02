"""Training: settings in, record out. One loop for RH-Emo, the orthogonal tasks, and recognisers with anti-transfer."""

from hamiltone.records import read_record
from hamiltone.settings import Dataset, RunSettings, SettingsError, load_dataset, read_settings, settings_from

from ._adaptation import Adapted, adapt
from ._calibrate import calibrate
from ._ensemble import Ensembled, ensemble, plain_line, result_line
from ._errors import TrainingError
from ._evaluate import evaluate
from ._probing import probe
from ._processes import is_main_process
from ._released_rh_emo import import_rh_emo
from ._run import train

__all__ = [
    "Adapted",
    "Dataset",
    "Ensembled",
    "RunSettings",
    "SettingsError",
    "TrainingError",
    "adapt",
    "calibrate",
    "ensemble",
    "evaluate",
    "import_rh_emo",
    "is_main_process",
    "load_dataset",
    "plain_line",
    "probe",
    "read_record",
    "read_settings",
    "result_line",
    "settings_from",
    "train",
]
