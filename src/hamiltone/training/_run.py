"""One run, from settings to record."""

import statistics
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w
import torch

from hamiltone import __version__
from hamiltone.antitransfer import Targets, stored_form
from hamiltone.corpora import protocol_of, recording_keys
from hamiltone.files import atomic_write, content_key, locked
from hamiltone.machine import processor, torch_device
from hamiltone.networks import Front, Network, Recognizer, TrainedRHEmo, check_bundle_place, save_bundle
from hamiltone.records import (
    MODEL,
    RECORD,
    SETTINGS,
    SPLIT,
    CorpusFacts,
    Resources,
    RunRecord,
    SplitFacts,
    read_heard,
    read_record,
    split_heading,
    versions,
    write_heard,
)
from hamiltone.settings import Dataset, RunSettings, expand, load_dataset, load_statistics

from ._batches import Part
from ._card import card_facts
from ._checkpoint import Checkpoint
from ._determinism import deterministic
from ._display import TrainingDisplay
from ._errors import TrainingError
from ._launching import launch
from ._lineage import Lineage, check_leaks, heard_by, open_lineage
from ._loop import History, fit
from ._models import count_parameters, make_front, make_recognizer, make_rh_emo
from ._objectives import Classification
from ._occupied import CHECKPOINT, clear, refuse_occupied, tidy
from ._preparation import PreparedFrames, check_unheard, notes_of, prepare_frames
from ._processes import Processes, joined, started_by_launcher
from ._results import classification_results
from ._rh_emo_results import constant_axes, rh_emo_results
from ._stored_frames import stage_key, stored_stage
from ._stored_targets import Form, stored_targets
from ._tracking import Tracking, check_trackers


@dataclass(frozen=True)
class _Run:
    """All that is known of a run before it computes anything."""

    settings: RunSettings
    dataset: Dataset
    statistics: Dataset | None
    lineage: Lineage
    recordings: Mapping[str, str]
    rests_on: dict[str, str]
    notes: list[str]
    key: str
    out: Path
    command: str
    side_by_side: int


def train(
    settings: RunSettings, *, command: str = "", quiet: bool = False, side_by_side: int = 1, overwrite: bool = False
) -> RunRecord:
    """Carry out one run and return its record.

    The folder ``settings.out`` then holds record.json, predictions.csv (of classifiers), settings.toml, split.json,
    heard.json and model/. A run that was interrupted goes on where its checkpoint stands; one that is finished is not
    done again. Where ``settings.processes`` are several, they are started here; under a launcher (torchrun, accelerate
    launch) that has started as many, this process joins the others, and each of them returns the record.

    Args:
        settings: of the run.
        command: how it was started, for the record.
        quiet: show no progress.
        side_by_side: how many runs go at the same time on this machine, for the record: they take each other's time.
        overwrite: remove the run that lies in the folder first, whatever it is.

    Raises:
        HamiltoneError: bad settings, recordings or earlier runs, or a folder that holds another run.
    """
    out, device = expand(settings.out, "out"), torch_device(settings.device)
    if not (finished := not overwrite and (out / RECORD).is_file()):  # nothing is written then, nor need it be possible
        check_bundle_place(out / MODEL, of_run=True)
    if not started_by_launcher(settings.processes) and settings.processes > 1:
        launch(settings, command=command, quiet=quiet, side_by_side=side_by_side, overwrite=overwrite)
        return read_record(out)
    with (
        joined(settings.processes, settings.threads, cpu=device.type == "cpu") as processes,
        TrainingDisplay(settings.name, quiet=quiet or not processes.main) as display,
    ):
        processes.wait_for_main()  # its mistakes are told once, and what it stores is found by the others
        run = make_run(settings, out, command, side_by_side)
        for remark in run.dataset.remarks if processes.main else ():
            display.say(f"note: {remark}")
        about = {"settings": settings.model_dump(mode="json"), "versions": versions()}
        checkpoint = Checkpoint(out / CHECKPOINT, run.key, about, display.say)
        with locked(out, display.say) if processes.main and not finished else nullcontext():
            if overwrite and processes.main:
                clear(out)
            if finished and not (out / RECORD).is_file():
                raise TrainingError(f"{out}: another process has removed the run that lay there; start this one again")
            if (out / RECORD).is_file():
                record = read_record(out)
                if record.run != run.key:
                    refuse_occupied(out, record.model_dump(include={"settings", "versions"}), about)
                processes.release()
                said = "done before"
            else:
                if (checkpoint.owner() or run.key) != run.key:
                    refuse_occupied(out, checkpoint.about(), about)
                if processes.main:
                    tidy(out)
                with deterministic(settings.threads):  # here, since torch takes a second to be so: not for an answer
                    torch.manual_seed(settings.seed)
                    record = _carry_out(run, checkpoint, display, processes)
                said = "done"
            if processes.main:
                checkpoint.remove()
            display.say(f"{said}; the record is {out / RECORD}")
            return record


def make_run(settings: RunSettings, out: Path, command: str, side_by_side: int) -> _Run:
    """Learn all that is known of a run before it computes anything, and refuse what cannot be."""
    check_trackers(settings)
    dataset, statistics_set = load_dataset(settings), load_statistics(settings)
    check_unheard(settings, dataset)
    lineage = open_lineage(settings)
    lineage.method()  # refuses a chain of anti-transfers that is neither single nor dual
    notes = list(dataset.remarks)
    for setting, earlier in lineage.by_setting().items():
        what = f"{setting}: {earlier.folder.name}, or a run beneath it,"
        notes += check_leaks(read_heard(earlier.folder), dataset.split, what, settings.leaks)
    notes += notes_of(settings)
    recordings = recording_keys(dataset.utterances.table["path"])
    rests_on = lineage.keys()
    identity = {
        "versions": versions(),
        "settings": settings.key(),
        "split": dataset.split.hash,
        "utterances": dataset.utterances.key(),
        "recordings": content_key(recordings),
        "rests_on": rests_on,
    }
    if statistics_set is not None:
        theirs = recording_keys(statistics_set.utterances.table["path"])
        identity["statistics"] = [statistics_set.split.hash, content_key(theirs)]
    key = content_key(identity)
    return _Run(
        settings, dataset, statistics_set, lineage, recordings, rests_on, notes, key, out, command, side_by_side
    )


def _carry_out(run: _Run, checkpoint: Checkpoint, display: TrainingDisplay, processes: Processes) -> RunRecord:
    settings, labels = run.settings, run.dataset.labels
    prepared = prepare_frames(settings, run.dataset, display.report, run.recordings)
    run.notes.extend(prepared.notes)
    front = _front(run, prepared, display)
    affect = None
    if settings.task == "rh-emo":
        model, objective, affect = make_rh_emo(settings, run.lineage, front, run.dataset)
        stage = "spectrogram"
    else:
        stage = front.frozen_stage
        targets = partial(_targets, prepared, front)
        model, objective = make_recognizer(settings, run.lineage, front, labels, targets)
    stored = prepared.inputs(front, stage)
    parts = [prepared.part(name, stored, labels, affect) for name in ("train", "validation", "test")]
    if settings.training.speaker_reversal and isinstance(objective, Classification):
        objective.reverse_speakers(parts[0], settings.training.speaker_reversal)
    processes.release()
    tracking = Tracking(settings if processes.main else settings.untracked(), run.key, run.out, display.say)
    history = fit(
        objective,
        replace(parts[0], inputs=prepared.changing_inputs() or stored),
        parts[1],
        settings.training,
        seed=settings.seed,
        device=torch_device(settings.device),
        checkpoint=checkpoint,
        display=display,
        processes=processes,
        watch=tracking.epoch,
    )
    if not processes.main:
        processes.wait()
        return read_record(run.out)
    size = settings.training.batch
    if isinstance(objective, Classification):
        results = classification_results(objective, parts[1:], labels, history.device, size, run.out)
    else:
        results = rh_emo_results(objective.module, parts, labels, history.device, size)
        for remark in constant_axes(results["reconstruction"]):
            run.notes.append(remark)
            display.say(f"note: {remark}")
    tracking.results(results, history.best_epoch)
    record = finish_run(run, parts, model, history, results)
    processes.wait()
    return record


def _front(run: _Run, prepared: PreparedFrames, display: TrainingDisplay) -> Front:
    """The run's front, its normalisation from the run's own training part or from that of its statistics."""
    if run.statistics is not None:
        prepared = prepare_frames(run.settings, run.statistics, display.report)
    return make_front(run.settings, run.lineage, prepared.frames, prepared.dataset)


def _targets(prepared: PreparedFrames, front: Front, network: Network) -> Mapping[int, Targets]:
    settings, choice = prepared.settings, prepared.settings.anti_transfer
    assert choice is not None  # there is a frozen network only where the settings name one
    kind = stored_form(choice.aggregation, choice.distance)
    assert kind is not None  # else the frozen network is live
    return stored_targets(
        stored_stage(prepared.frames, front, "features", None, prepared.report),
        stage_key(prepared.frames, front, "features", None),
        network,
        choice.layers,
        others=choice.stored_layers,
        device=torch_device(settings.device),
        report=prepared.report,
        form=Form(kind, choice.aggregation, choice.before_activation),
    )


def _record(
    run: _Run, parts: list[Part], model: Recognizer | TrainedRHEmo, history: History, results: dict[str, Any]
) -> RunRecord:
    settings, dataset = run.settings, run.dataset
    recognises = settings.task == "emotion"
    sizes = {part.name: part.size() for part in parts}
    protocol = protocol_of(dataset.utterances, dataset.split, run.recordings).line
    return RunRecord(
        hamiltone=__version__,
        run=run.key,
        name=settings.name,
        task=settings.task,
        method=run.lineage.method() if recognises else None,
        layers=run.lineage.layers,
        chain=run.lineage.chain() if recognises else (),
        settings=settings.model_dump(mode="json"),
        settings_hash=settings.key(),
        rests_on=run.rests_on,
        split=SplitFacts.model_validate(split_heading(dataset.split, protocol) | sizes),
        corpus=CorpusFacts.of(dataset.utterances),
        notes=tuple(run.notes),
        labels=dataset.labels,
        parameters=count_parameters(model),
        epochs=tuple(history.epochs),
        best_epoch=history.best_epoch,
        stopped=history.stopped,
        **results,
        resources=Resources(
            seconds_per_epoch=statistics.median(history.epoch_seconds),
            epoch_seconds=tuple(history.epoch_seconds),
            cpu_seconds_per_epoch=statistics.median(history.epoch_cpu_seconds),
            epoch_cpu_seconds=tuple(history.epoch_cpu_seconds),
            peak_memory_bytes=history.peak_memory_bytes,
            device=str(history.device),
            processor=processor(),
            threads=settings.threads,
            processes=settings.processes,
            side_by_side=run.side_by_side,
        ),
        versions=versions(),
        command=run.command,
    )


def finish_run(
    run: _Run, parts: list[Part], model: Recognizer | TrainedRHEmo, history: History, results: dict[str, Any]
) -> RunRecord:
    """Write the model, the settings (ready to be read again), the split, what was heard, and at last the record.

    The record's presence says that the run is complete.
    """
    record = _record(run, parts, model, history, results)
    splits = [dataset.split for dataset in (run.dataset, run.statistics) if dataset is not None]
    heard = heard_by(splits, run.lineage)
    save_bundle(model, run.out / MODEL, card_facts(record, heard))
    atomic_write(run.out / SETTINGS, tomli_w.dumps(run.settings.model_dump(mode="json", exclude_none=True)))
    run.dataset.split.write(run.out / SPLIT)
    write_heard(heard, run.out)
    record.write(run.out / RECORD)
    return record
