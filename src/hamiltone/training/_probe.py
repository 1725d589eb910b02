"""Linear probes of a trained network: what can still be read from each layer about speaker, word and emotion."""

import json
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from hamiltone.corpora import read_split
from hamiltone.files import atomic_write
from hamiltone.networks import Recognizer, load_recognizer

from ._lineage import MODEL, RECORD, check_leaks, read_heard, read_record
from ._loop import TrainingError
from ._material import Material, load_material, load_utterances
from ._parts import Part, make_part, stored_inputs
from ._probe_features import layer_features
from ._probe_linear import STRENGTH, probe_layer
from ._probe_targets import FOLDS, Target, probe_targets
from ._reading import read_settings
from ._record import SETTINGS, SPLIT, versions
from ._run import deterministic
from ._settings import RunSettings
from ._store import frames_key, stored_frames, stored_stage
from ._watch import Watch

PROBE = "probe.json"
_FORMAT = 1
_METHOD = {
    "version": 1,
    "features": "mean and standard deviation over positions; of the classifier, its last hidden layer",
    "classifier": "standardised, multinomial logistic regression, L2",
    "C": STRENGTH,
    "most_folds": FOLDS,
}


def probe(
    run: Path | str,
    settings: RunSettings | None = None,
    *,
    again: bool = False,
    quiet: bool = False,
    command: str = "",
) -> dict[str, Any]:
    """Probe every layer of a run's network on the test part, and write ``probe.json`` into the run's folder.

    For each convolution (the mean and the deviation over positions of its map) and the classifier's last hidden layer,
    a linear classifier is cross-validated within the test clips on who speaks, which word it is, and which emotion.
    A probe of the same run and clips that was done before is returned as it is.

    Args:
        run: folder of a finished run of a recogniser or of an orthogonal task, or the model in it.
        settings: whose corpus, split and frames to probe on; the run's own when None.
        again: probe even if it was done before.
        quiet: show no progress.
        command: how it was started, for the file.

    Returns:
        What ``probe.json`` holds: ``layers``, each with its number, name, size and ``targets`` (``probe_layer``), or
        in ``missing`` why a target is not there; and run, corpus, split, clips, notes, method and versions.

    Raises:
        HamiltoneError: no finished run, an RH-Emo, a corpus that cannot be read, or no clip to test on.
    """
    run = _run_folder(Path(run))
    record = read_record(run)
    if record["task"] == "rh-emo":
        raise TrainingError(f"{run}: trained an RH-Emo, and layers are probed of a VGG; name the run of a recogniser")
    own = settings is None
    settings = settings or read_settings(run / SETTINGS)
    with deterministic(settings.threads), threadpool_limits(settings.threads), Watch(run.name, quiet=quiet) as watch:
        material = None if own else load_material(settings)
        content = _heading(record, settings, material)
        path = run / PROBE
        if not again and (before := _read(path)) and before.items() >= content.items():
            watch.say(f"probed before; the probe is {path}")
            return before
        content |= _carry_out(run, settings, material or _own_material(run, settings), watch)
        content |= {"versions": versions(), "command": command}
        atomic_write(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
        watch.say(f"probed; the probe is {path}")
        return content


def _run_folder(path: Path) -> Path:
    return path.parent if path.name == MODEL and not (path / RECORD).exists() else path


def _heading(record: dict[str, Any], settings: RunSettings, material: Material | None) -> dict[str, Any]:
    """What tells one probe from another; without material the clips are those of the run's own test part."""
    frames = settings.frames.model_dump(mode="json")
    if settings.frames.random_offset:
        frames["seed"] = settings.seed
    split = record["split"] if material is None else {"kind": material.split.kind, "hash": material.split.hash}
    return {
        "format": _FORMAT,
        "run": record["run"],
        "name": record["name"],
        "part": "test",
        "corpus": record["corpus"]["name"] if material is None else material.utterances.corpus,
        "split": {"kind": split["kind"], "hash": split["hash"]},
        "frames": frames,
        "method": _METHOD,
    }


def _own_material(run: Path, settings: RunSettings) -> Material:
    """The clips of a run and their split as the run left it, wherever the splits that its settings name are now."""
    split = read_split(run / SPLIT)
    utterances = load_utterances(settings.corpus.model_copy(update={"within": None}))
    known = [utterance for part in split.parts.values() for utterance in part]
    return Material(utterances.select(utterances.table["utterance"].isin(known).to_numpy()), split, ())


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None  # not there, or damaged: it is made anew
    return content if isinstance(content, dict) else None


def _carry_out(run: Path, settings: RunSettings, material: Material, watch: Watch) -> dict[str, Any]:
    recognizer = load_recognizer(run / MODEL)
    notes = check_leaks(read_heard(run), material.split, f"the model of {run}", settings.leaks)
    part, silent = _test_part(settings, material, recognizer, watch)
    if silent:
        notes.append(f"{len(silent)} silent recordings were left out")
    asked = probe_targets(part.utterances)
    missing = {name: target for name, target in asked.items() if isinstance(target, str)}
    layers = []
    features = layer_features(recognizer.network, part, watch)
    for done, layer in enumerate(features, 1):
        targets = {name: probe_layer(layer.values, what) for name, what in asked.items() if isinstance(what, Target)}
        size = layer.values.shape[1]
        layers.append({"layer": layer.layer, "name": layer.name, "size": size, "targets": targets, "missing": missing})
        watch.report("probing the layers", done, len(features))
    counts = part.counts()
    return {"clips": counts["clips"], "speakers": counts["speakers"], "notes": notes, "layers": layers}


def _test_part(
    settings: RunSettings, material: Material, recognizer: Recognizer, watch: Watch
) -> tuple[Part, tuple[str, ...]]:
    """The test part with the inputs of the network, and the silent utterances."""
    everything = material.utterances
    test = material.split.apply(everything)["test"]
    frames = stored_frames(everything, settings.frames, frames_key(everything, settings.frames), watch.report)
    seed = settings.seed if settings.frames.random_offset else None
    inputs = stored_inputs(stored_stage(frames, recognizer.front, "features", seed, watch.report), "features")
    # Labels are those of the probes, not of the network: its own task may know other classes.
    part = make_part("test", test, everything, frames, settings.column, (), inputs)
    if len(part) == 0:
        raise TrainingError(f"{everything.corpus}: the split has no clips to test on; name settings with another split")
    return part, frames.silent
