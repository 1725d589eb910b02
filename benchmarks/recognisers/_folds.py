"""One fold of one system: from the protocol's parts to predictions and facts."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from hamiltone.corpora import Report
from hamiltone.networks import bundle_config, bundle_licence, load_recognizer, save_bundle
from hamiltone.records import MODEL, PREDICTIONS, predictions_table, read_predictions, versions
from hamiltone.service import Predictor
from hamiltone.settings import Dataset, RunSettings, load_dataset

from ._errors import ComparisonError
from ._functionals import functionals
from ._protocols import PROTOCOLS, Protocol, chosen, fold_dataset, number_of_folds, read_protocols
from ._results import (
    RESULTS,
    FoldFacts,
    SystemResults,
    add_fold,
    check_configuration,
    read_results,
    result_files,
    write_look,
)
from ._svm import fit_svm, normalised_per_speaker
from ._systems import SYSTEMS, NetworkSystem, SvmSystem, configuration, read_systems, run_settings

RUNS = Path("runs") / "recognisers"
_DECIDE_SVM = ("python", "hamiltone", "numpy", "scipy", "scikit-learn", "soundfile", "soxr")


@dataclass(frozen=True)
class Places:
    """Where the files of a comparison lie."""

    systems: Path = SYSTEMS
    protocols: Path = PROTOCOLS
    results: Path = RESULTS
    runs: Path = RUNS


def run_fold(
    system: str,
    protocol: str,
    fold: int,
    seed: int,
    places: Places,
    *,
    why: str = "",
    report: Report,
    command: str = "",
) -> bool:
    """Train a system on one fold, and keep what it answers on the part that tests; what is done is not done again.

    Args:
        system: its name.
        protocol: its name.
        fold: which one tests.
        seed: of the training.
        places: where the files lie.
        why: the reason, where this configuration was not tested before.
        report: told of progress.
        command: how it was started, for the record of a run.

    Returns:
        Whether anything was to be done.

    Raises:
        HamiltoneError: unknown names, results of another configuration, no reason, or data that is not there.
    """
    asked: Protocol = chosen("protocol", protocol, read_protocols(places.protocols))
    tried: SvmSystem | NetworkSystem = chosen("system", system, read_systems(places.systems))
    of_protocol = (protocol, asked, places.protocols)
    now = configuration(tried, places.systems, of_protocol)
    before = read_results(places.results, protocol, system)
    check_configuration(result_files(places.results, protocol, system)[0], before, now)
    if before is not None and before.done(fold, seed):
        return False
    write_look(places.results, system, protocol, now, why)
    dataset = fold_dataset(asked, places.protocols, fold)
    if isinstance(tried, SvmSystem):
        facts, table = _svm_fold(tried, dataset, fold, seed, report)
    else:
        out = run_folder(places, protocol, tried.trained_as or system, fold, seed)
        facts, table = _network_fold(tried, places, of_protocol, fold, seed, out, command)
    results = SystemResults(
        system=system,
        protocol=protocol,
        configuration=now,
        labels=dataset.labels,
        of_folds=number_of_folds(protocol, places.protocols),
        corpus=str(dataset.utterances),
        folds=(),
    )
    add_fold(places.results, results, facts, table)
    return True


def trained_folds(system: str, protocol: str, places: Places, *, command: str) -> tuple[RunSettings, list[Path]]:
    """Train a network on all folds of a protocol, where that is not done.

    Returns:
        The settings of the first fold, and the folders of all runs (of the system's first seed).
    """
    from hamiltone.training import train

    asked: Protocol = chosen("protocol", protocol, read_protocols(places.protocols))
    tried = chosen("system", system, read_systems(places.systems))
    of_protocol, seed = (protocol, asked, places.protocols), tried.seeds[0]
    settings = []
    for fold in range(number_of_folds(protocol, places.protocols)):
        run_fold(system, protocol, fold, seed, places, why="the package", report=lambda *_: None, command=command)
        out = run_folder(places, protocol, system, fold, seed)
        settings.append(run_settings(tried, places.systems, of_protocol, fold, seed, out))
        train(settings[-1], command=command)  # its results may be here without the run, as in a clone
    return settings[0], [Path(one.out) for one in settings]


def calibrated_name(system: NetworkSystem) -> str:
    """What the calibrated recogniser in a run's folder is called."""
    return f"calibrated{_at_speeds(system)}"


def _at_speeds(system: NetworkSystem) -> str:
    return "".join(f"-{speed:g}" for speed in system.speeds)


def run_folder(places: Places, protocol: str, system: str, fold: int, seed: int) -> Path:
    """Where the run of one fold and seed lies."""
    return places.runs / protocol / system / f"fold-{fold}-seed-{seed}"


def _svm_fold(
    system: SvmSystem, dataset: Dataset, fold: int, seed: int, report: Report
) -> tuple[FoldFacts, pd.DataFrame]:
    utterances, labels = dataset.utterances, dataset.labels
    features = functionals(utterances, system.features, report)
    speakers = utterances.table["speaker"].tolist()
    if system.per_speaker:
        features = normalised_per_speaker(features, speakers)
    classes = utterances.table["emotion"].map(labels.index).to_numpy()
    tests = utterances.table["utterance"].isin(dataset.split.parts["test"]).to_numpy()
    told = [name for name, out in zip(speakers, tests, strict=True) if not out]
    report("support vector machine", 0, 0)
    fit = fit_svm(features[~tests], classes[~tests], told, len(labels), system.grid)
    table = predictions_table(utterances.select(tests), classes[tests], fit.probabilities(features[tests]), labels)
    all_versions = versions()
    facts = FoldFacts(
        fold=fold,
        seed=seed,
        split=dataset.split.hash,
        parameters=fit.parameters,
        model_bytes=4 * fit.parameters,
        minutes=round(fit.seconds / 60, 4),
        chosen={"C": fit.cost, "temperature": round(fit.temperature, 4), "uar": round(fit.inner_uar, 4)},
        versions={"opensmile": metadata.version("opensmile")} | {name: all_versions[name] for name in _DECIDE_SVM},
    )
    return facts, table


def _network_fold(
    system: NetworkSystem,
    places: Places,
    protocol: tuple[str, Protocol, Path],
    fold: int,
    seed: int,
    out: Path,
    command: str,
) -> tuple[FoldFacts, pd.DataFrame]:
    """Train, calibrate on the validation part, and test; recordings then stand where ``predict`` puts them."""
    from hamiltone.training import evaluate, train

    settings = run_settings(system, places.systems, protocol, fold, seed, out)
    taken = _temperature_of(system, protocol[0], places, fold, seed)
    record = train(settings, command=command)
    frames = settings.frames.model_copy(update={"random_offset": False})
    still = settings.model_copy(update={"frames": frames})
    model, calibrated, tested = out / MODEL, out / calibrated_name(system), out / f"tested{_at_speeds(system)}"
    temperature = _calibrate(system, still, model, calibrated, taken)
    evaluation = evaluate(still, calibrated, tested, command=command)
    table = read_predictions(tested / PREDICTIONS)
    if system.per_speaker:
        table = adapted_answers(calibrated, load_dataset(still))
    best = record.epochs[record.best_epoch - 1].validation
    facts = FoldFacts(
        fold=fold,
        seed=seed,
        split=evaluation.split.hash,
        parameters=sum(count for name, count in record.parameters.items() if name != "trained"),
        model_bytes=sum(file.stat().st_size for file in calibrated.glob("*.safetensors")),
        minutes=round(sum(record.resources.epoch_cpu_seconds) / 60, 4),
        settings_hash=record.settings_hash,
        chosen={"epoch": record.best_epoch, "temperature": round(temperature, 4), "uar": round(best["uar"], 4)},
        notes=evaluation.notes,
        versions=record.versions,
    )
    return facts, table


def _calibrate(
    system: NetworkSystem, settings: RunSettings, model: Path, calibrated: Path, taken: float | None
) -> float:
    """Write a run's model as it answers, at its speeds and with its temperature, which is returned."""
    from hamiltone.training import calibrate

    if taken is None and not system.speeds:
        return calibrate(settings, model, calibrated)["temperature"]
    recognizer = load_recognizer(model)
    recognizer = recognizer.at_speeds(system.speeds) if system.speeds else recognizer
    if taken is not None:
        recognizer.temperature = taken
    save_bundle(recognizer, calibrated, bundle_config(model)["card"], licence=bundle_licence(model))
    return calibrate(settings, calibrated, calibrated)["temperature"] if taken is None else taken


def _temperature_of(system: NetworkSystem, protocol: str, places: Places, fold: int, seed: int) -> float | None:
    """The temperature that a system takes from another, of the same seed where that has it; None: it finds its own."""
    if system.temperature_of is None:
        return None
    results = read_results(places.results, protocol, system.temperature_of)
    of_fold = [facts for facts in (results.folds if results else ()) if facts.fold == fold]
    if not of_fold:
        lacks = f"{system.temperature_of} has no results on {protocol}, fold {fold}"
        raise ComparisonError(f"{lacks}: train it there first")
    return min(of_fold, key=lambda facts: (facts.seed != seed, facts.seed)).chosen["temperature"]


def adapted_answers(model: Path, dataset: Dataset) -> pd.DataFrame:
    """What a recogniser answers on the part that tests, adapted to each speaker by all clips of that speaker there."""
    predictor = Predictor(model)
    tests = dataset.split.apply(dataset.utterances)["test"]
    place = {label: index for index, label in enumerate(predictor.recognizer.labels)}
    scores = np.zeros((len(tests), len(place)))
    for _, rows in tests.table.reset_index(drop=True).groupby("speaker"):
        adapted = predictor.adapt(rows["path"])
        for row, path in zip(rows.index, rows["path"], strict=True):
            scores[row] = list(adapted.predict(path, hop=4.0).scores.values())
    classes = np.array([place[emotion] for emotion in tests.table["emotion"]])
    return predictions_table(tests, classes, scores, predictor.recognizer.labels)
