"""Probes of the compared networks: what can be read from each layer, in one table of all runs."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from hamiltone.corpora import Report
from hamiltone.files import atomic_write
from hamiltone.records import RECORD, Probe

from ._errors import ComparisonError
from ._folds import Places, run_folder
from ._protocols import chosen, number_of_folds, read_protocols
from ._systems import NetworkSystem, read_systems

PROBES = "probes.csv.gz"
COLUMNS = ("system", "fold", "seed", "layer", "name", "target", "accuracy", "chance")


def probe_runs(protocol: str, systems: list[str], places: Places, report: Report, *, command: str = "") -> Path:
    """Probe the runs of some systems, of all their folds and seeds, and keep what was found beside the results.

    Args:
        protocol: its name.
        systems: their names; each was trained on all folds.
        places: where the files lie.
        report: told of progress.
        command: how it was started, for the files of the runs.

    Returns:
        The table's file; rows of other systems stay in it.

    Raises:
        HamiltoneError: unknown names, a run that is not there, or a corpus that cannot be read.
    """
    from hamiltone.training import probe

    chosen("protocol", protocol, read_protocols(places.protocols))
    runs = list(_runs(protocol, systems, places))
    rows = []
    for done, (system, fold, seed, folder) in enumerate(runs):
        report("probes", done, len(runs))
        found = probe(folder, quiet=True, command=command)
        rows += [(system, fold, seed, *row) for row in _rows(found)]
    report("probes", len(runs), len(runs))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    path = places.results / protocol / PROBES
    if path.is_file():
        kept = read_probes(path)
        table = pd.concat([kept.loc[~kept["system"].isin(systems)], table], ignore_index=True)
    table = table.sort_values(["system", "seed", "fold", "layer", "target"])
    text = table.to_csv(index=False, float_format="%.4f", lineterminator="\n")
    atomic_write(path, gzip.compress(text.encode(), mtime=0))
    return path


def _runs(protocol: str, systems: list[str], places: Places) -> Iterator[tuple[str, int, int, Path]]:
    known = read_systems(places.systems)
    for name in systems:
        system = chosen("system", name, known)
        if not isinstance(system, NetworkSystem) or system.trained_as is not None:
            raise ComparisonError(f"{name} has no trainings of its own to probe: name a network that is trained")
        for seed in system.seeds:
            for fold in range(number_of_folds(protocol, places.protocols)):
                folder = run_folder(places, protocol, name, fold, seed)
                if not (folder / RECORD).is_file():
                    raise ComparisonError(
                        f"{folder} is no finished run: python -m benchmarks.recognisers train --protocol {protocol} "
                        f"--system {name} --fold {fold} --seed {seed}"
                    )
                yield name, fold, seed, folder


def _rows(probe: Probe) -> Iterator[tuple[int, str, str, float, float]]:
    for layer in probe.layers:
        for target, found in layer.targets.items():
            yield layer.layer, layer.name, target, found.accuracy, found.chance


def read_probes(path: Path) -> pd.DataFrame:
    """The table of probes.

    Raises:
        ComparisonError: there is none, or it has other columns.
    """
    if not path.is_file():
        raise ComparisonError(f"{path} is not there: python -m benchmarks.recognisers probe makes it")
    table = pd.read_csv(path)
    if tuple(table.columns) != COLUMNS:
        raise ComparisonError(f"{path}: its columns must be {', '.join(COLUMNS)}")
    return table
