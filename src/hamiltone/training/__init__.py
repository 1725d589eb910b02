"""Training: settings in, record out. One loop for RH-Emo, the orthogonal tasks, and recognisers with anti-transfer."""

from hamiltone.corpora import CorpusPartSettings, CorpusSettings, SplitKind, SplitSettings, load_utterances
from hamiltone.settings_paths import SettingsError

from ._calibrate import calibrate
from ._evaluate import evaluate
from ._lineage import read_record
from ._loop import TrainingError
from ._material import Material, load_material
from ._probe import probe
from ._processes import is_main_process
from ._reading import laid_over, read_settings, read_toml, settings_from, validated
from ._record import versions
from ._run import train
from ._settings import RunSettings

__all__ = [
    "CorpusPartSettings",
    "CorpusSettings",
    "Material",
    "RunSettings",
    "SettingsError",
    "SplitKind",
    "SplitSettings",
    "TrainingError",
    "calibrate",
    "evaluate",
    "is_main_process",
    "laid_over",
    "load_material",
    "load_utterances",
    "probe",
    "read_record",
    "read_settings",
    "read_toml",
    "settings_from",
    "train",
    "validated",
    "versions",
]
