"""Comparison of recognisers: the usual features with support vector machines, and networks, on the same speakers.

    python -m benchmarks.recognisers train --system egemaps-svm --protocol ravdess8 --why "the reference"
    python -m benchmarks.recognisers derive --system quaternion --protocol four
    python -m benchmarks.recognisers page        # docs/recognisers.md: tables and picture of what is done
    python -m benchmarks.recognisers probe --protocol ravdess8 --system alone    # docs/evidence/blindness.md
    python -m benchmarks.recognisers pace        # seconds per second of sound

Systems stand in configs/recognisers/systems.toml, protocols in protocols/, results and the logs in results/.
"""

from ._errors import ComparisonError
from ._folds import Places, run_fold, trained_folds
from ._protocols import Protocol, fold_dataset, number_of_folds, read_protocols
from ._systems import NetworkSystem, SvmSystem, read_systems

__all__ = [
    "ComparisonError",
    "NetworkSystem",
    "Places",
    "Protocol",
    "SvmSystem",
    "fold_dataset",
    "number_of_folds",
    "read_protocols",
    "read_systems",
    "run_fold",
    "trained_folds",
]
