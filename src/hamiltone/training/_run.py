"""One run, from settings to record."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from hamiltone.antitransfer import GramTargets
from hamiltone.corpora import protocol_of, recording_keys
from hamiltone.files import content_key, locked
from hamiltone.measures import summarise
from hamiltone.networks import VGG, Front, save_bundle
from hamiltone.settings_paths import expand

from ._building import count_parameters, make_front, make_recognizer, make_rh_emo
from ._checkpoint import Checkpoint
from ._launch import launch
from ._lineage import MODEL, RECORD, Lineage, check_leaks, heard_by, open_lineage, read_heard, read_record
from ._loop import History, TrainingError, fit
from ._material import Material, load_material, load_statistics
from ._objectives import Classification
from ._parts import Inputs, Part, live_inputs, make_part, stored_inputs
from ._processes import Processes, joined, started_by_launcher
from ._record import (
    PREDICTIONS,
    card_facts,
    predictions_table,
    run_record,
    versions,
    write_predictions,
    write_record,
    write_settings,
)
from ._rh_emo_results import constant_embedding, rh_emo_results
from ._settings import RunSettings
from ._store import Frames, frames_key, stage_key, stored_frames, stored_stage
from ._targets import stored_targets
from ._watch import Watch

_CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class _Plan:
    """All that is known of a run before it computes anything."""

    settings: RunSettings
    material: Material
    statistics: Material | None
    lineage: Lineage
    rests_on: dict[str, str]
    notes: list[str]
    protocol: str
    frames: str
    key: str
    out: Path
    command: str
    side_by_side: int


def train(settings: RunSettings, *, command: str = "", quiet: bool = False, side_by_side: int = 1) -> dict[str, Any]:
    """Carry out one run and return its record.

    The folder ``settings.out`` then holds record.json, predictions.csv (of classifiers), settings.toml, split.json and
    model/. A run that was interrupted goes on where its checkpoint stands; one that is finished is not done again.
    Where ``settings.processes`` are several, they are started here; under a launcher (torchrun, accelerate launch) that
    has started as many, this process joins the others, and each of them returns the record.

    Args:
        settings: of the run.
        command: how it was started, for the record.
        quiet: show no progress.
        side_by_side: how many runs go at the same time on this machine, for the record: they take each other's time.

    Raises:
        HamiltoneError: bad settings, recordings or earlier runs, or a folder that holds another run.
    """
    if not started_by_launcher(settings.processes) and settings.processes > 1:
        launch(settings, command=command, quiet=quiet, side_by_side=side_by_side)
        return read_record(expand(settings.out, "out"))
    with (
        joined(settings.processes, settings.threads, cpu=settings.device == "cpu") as processes,
        deterministic(settings.threads),
        Watch(settings.name, quiet=quiet or not processes.main) as watch,
    ):
        torch.manual_seed(settings.seed)
        processes.wait_for_main()  # its mistakes are told once, and what it stores is found by the others
        plan = _plan(settings, command, side_by_side)
        checkpoint = Checkpoint(plan.out / _CHECKPOINT, plan.key)
        with locked(plan.out) if processes.main else nullcontext():
            if (plan.out / RECORD).is_file():
                record = read_record(plan.out)
                _check_owner(plan, record["run"])
                processes.release()
                said = "done before"
            else:
                _check_owner(plan, checkpoint.owner() or plan.key)
                record = _carry_out(plan, checkpoint, watch, processes)
                said = "done"
            if processes.main:
                checkpoint.remove()
            watch.say(f"{said}; the record is {plan.out / RECORD}")
            return record


def _plan(settings: RunSettings, command: str, side_by_side: int) -> _Plan:
    material, statistics = load_material(settings), load_statistics(settings)
    lineage = open_lineage(settings)
    lineage.method()  # refuses a chain of anti-transfers that is neither single nor dual
    notes = []
    for setting, run in lineage.by_setting().items():
        what = f"{setting}: {run.folder.name}, or a run beneath it,"
        notes += check_leaks(read_heard(run.folder), material.split, what, settings.leaks)
    if settings.rh_emo and settings.rh_emo.affect_table:
        notes.append(f"valence, arousal and dominance are from the table {settings.rh_emo.affect_table}, not rated")
    if settings.augments:
        notes.append(f"the training part was augmented: {settings.augmentation}")
    recordings = recording_keys(material.utterances.table["path"])
    rests_on, frames = lineage.keys(), frames_key(material.utterances, settings.frames, recordings)
    identity = {
        "versions": versions(),
        "settings": settings.key(),
        "split": material.split.hash,
        "frames": frames,
        "rests_on": rests_on,
    }
    if statistics is not None:
        identity["statistics"] = [statistics.split.hash, frames_key(statistics.utterances, settings.frames)]
    return _Plan(
        settings=settings,
        material=material,
        statistics=statistics,
        lineage=lineage,
        rests_on=rests_on,
        notes=notes,
        protocol=protocol_of(material.utterances, material.split, recordings).line,
        frames=frames,
        key=content_key(identity),
        out=expand(settings.out, "out"),
        command=command,
        side_by_side=side_by_side,
    )


def _check_owner(plan: _Plan, owner: str) -> None:
    if owner != plan.key:
        raise TrainingError(
            f"{plan.out}: holds another run (other settings, data or versions); choose another out or remove it"
        )


def _carry_out(plan: _Plan, checkpoint: Checkpoint, watch: Watch, processes: Processes) -> dict[str, Any]:
    settings, material = plan.settings, plan.material
    frames = stored_frames(material.utterances, settings.frames, plan.frames, watch.report)
    if frames.silent:
        plan.notes.append(f"{len(frames.silent)} silent recordings were left out: {', '.join(frames.silent)}")
    chosen = material.split.apply(material.utterances)
    front = _front(plan, frames, watch)

    affect = None
    if settings.task == "rh-emo":
        model, objective, affect = make_rh_emo(settings, plan.lineage, front.spectrogram, material)
        stage = "spectrogram"
    else:
        stage = front.frozen_stage
        targets = partial(_targets, settings, frames, front, watch)
        model, objective = make_recognizer(settings, plan.lineage, front, material.labels, targets)
    offset_seed = settings.seed if settings.frames.random_offset else None
    stored = stored_inputs(stored_stage(frames, front, stage, offset_seed, watch.report), stage)

    def part(name: str, inputs: Inputs) -> Part:
        everything, labels = material.utterances, material.labels
        return make_part(name, chosen[name], everything, frames, settings.column, labels, inputs, affect)

    parts = [part(name, stored) for name in ("train", "validation", "test")]
    processes.release()
    history = fit(
        objective,
        replace(parts[0], inputs=_changing(settings, frames) or stored),
        parts[1],
        settings.training,
        seed=settings.seed,
        cpu=settings.device == "cpu",
        checkpoint=checkpoint,
        watch=watch,
        processes=processes,
    )
    if not processes.main:
        processes.wait()
        return read_record(plan.out)
    size = settings.training.batch
    if isinstance(objective, Classification):
        results = _classification_results(objective, parts, material.labels, history, size, plan.out)
    else:
        results = rh_emo_results(objective.module, parts, material.labels, history.device, size)
    record = run_record(
        key=plan.key,
        settings=settings,
        lineage=plan.lineage,
        rests_on=plan.rests_on,
        corpus=material.utterances,
        split=material.split,
        protocol=plan.protocol,
        parts=parts,
        labels=material.labels,
        parameters=count_parameters(model),
        history=history,
        notes=[*plan.notes, *constant_embedding(results)],
        results=results,
        command=plan.command,
        side_by_side=plan.side_by_side,
    )
    splits = [material.split] if plan.statistics is None else [material.split, plan.statistics.split]
    save_bundle(model, plan.out / MODEL, card_facts(record, heard_by(splits, plan.lineage)))
    write_settings(settings, splits, plan.lineage, plan.out)
    write_record(record, plan.out)
    processes.wait()
    return record


def _front(plan: _Plan, frames: Frames, watch: Watch) -> Front:
    if plan.statistics is None:
        return make_front(plan.settings, plan.lineage, frames, plan.material)
    utterances, rules = plan.statistics.utterances, plan.settings.frames
    theirs = stored_frames(utterances, rules, frames_key(utterances, rules), watch.report)
    return make_front(plan.settings, plan.lineage, theirs, plan.statistics)


def _changing(settings: RunSettings, frames: Frames) -> Inputs | None:
    """The inputs that change each epoch; None where they do not."""
    if not settings.frames.random_offset and not settings.augments:
        return None
    offset, choice = settings.frames.random_offset, settings.augmentation
    return live_inputs(frames, settings.seed, random_offset=offset, augmentation=choice)


def _targets(
    settings: RunSettings, frames: Frames, front: Front, watch: Watch, network: VGG
) -> Mapping[int, GramTargets]:
    choice = settings.anti_transfer
    assert choice is not None  # there is a frozen network only where the settings name one
    return stored_targets(
        stored_stage(frames, front, "features", None, watch.report),
        stage_key(frames, front, "features", None),
        network,
        choice.layers,
        others=choice.stored_layers,
        device=torch.device("cuda" if settings.device == "auto" and torch.cuda.is_available() else "cpu"),
        report=watch.report,
    )


def _classification_results(
    objective: Classification, parts: Sequence[Part], labels: Sequence[str], history: History, size: int, out: Path
) -> dict[str, Any]:
    results = {}
    for part in parts[1:]:
        table = predictions_table(part, objective.probabilities(part, history.device, size), labels)
        results[part.name] = summarise(table["truth"], table["prediction"], table["speaker"], labels)
        if part.name == "test":
            write_predictions(table, out / PREDICTIONS)
    return results


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Compute the same bytes each time, with a fixed number of threads; then set all back."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this set
    # On a GPU some operations have no deterministic form: a warning there, while on a CPU all have one.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
