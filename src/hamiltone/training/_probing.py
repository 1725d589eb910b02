"""Linear probes of a trained network: what can still be read from each layer about speaker, word and emotion."""

from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from hamiltone.corpora import load_utterances, read_split
from hamiltone.networks import load_recognizer
from hamiltone.records import (
    MODEL,
    PROBE,
    RECORD,
    SETTINGS,
    SPLIT,
    Probe,
    ProbeHeading,
    ProbeLayer,
    RecordError,
    RunRecord,
    read_heard,
    read_record,
    versions,
)
from hamiltone.settings import Dataset, RunSettings, load_dataset, read_settings

from ._determinism import deterministic
from ._display import TrainingDisplay
from ._errors import TrainingError
from ._lineage import check_leaks
from ._preparation import prepare_part
from ._probe_features import layer_features
from ._probe_linear import STRENGTH, probe_layer
from ._probe_targets import FOLDS, Target, probe_targets

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
) -> Probe:
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

    Raises:
        HamiltoneError: no finished run, an RH-Emo, a corpus that cannot be read, or no clip to test on.
    """
    run = _run_folder(Path(run))
    record = read_record(run)
    if record.task == "rh-emo":
        raise TrainingError(f"{run}: trained an RH-Emo, and layers are probed of a network; name a recogniser's run")
    own = settings is None
    settings = settings or read_settings(run / SETTINGS)
    with (
        deterministic(settings.threads),
        threadpool_limits(settings.threads),
        TrainingDisplay(run.name, quiet=quiet) as display,
    ):
        dataset = None if own else load_dataset(settings)
        heading = _heading(record, settings, dataset)
        path = run / PROBE
        if not again and (before := _read(path)) and before.model_dump(include=_OF_HEADING) == heading.model_dump():
            display.say(f"probed before; the probe is {path}")
            return before
        content = _carry_out(run, settings, dataset or _own_dataset(run, settings), heading, display, command)
        content.write(path)
        display.say(f"probed; the probe is {path}")
        return content


_OF_HEADING = set(ProbeHeading.model_fields)


def _run_folder(path: Path) -> Path:
    return path.parent if path.name == MODEL and not (path / RECORD).exists() else path


def _heading(record: RunRecord, settings: RunSettings, dataset: Dataset | None) -> ProbeHeading:
    """What tells one probe from another; without a dataset the clips are those of the run's own test part."""
    frames: dict[str, Any] = settings.frames.model_dump(mode="json")
    if settings.frames.random_offset:
        frames["seed"] = settings.seed
    split = record.split if dataset is None else dataset.split
    return ProbeHeading(
        run=record.run,
        name=record.name,
        corpus=record.corpus.name if dataset is None else dataset.utterances.corpus,
        utterances=None if dataset is None else dataset.utterances.key(),
        split={"kind": split.kind, "hash": split.hash},
        frames=frames,
        method=_METHOD,
    )


def _own_dataset(run: Path, settings: RunSettings) -> Dataset:
    """The clips of a run and their split as the run left it, wherever the splits that its settings name are now."""
    split = read_split(run / SPLIT)
    utterances = load_utterances(settings.corpus.model_copy(update={"within": None}))
    known = [utterance for part in split.parts.values() for utterance in part]
    return Dataset(utterances.select(utterances.table["utterance"].isin(known).to_numpy()), split, ())


def _read(path: Path) -> Probe | None:
    try:
        return Probe.read(path)
    except RecordError:
        return None  # not there, or damaged: it is made anew


def _carry_out(
    run: Path, settings: RunSettings, dataset: Dataset, heading: ProbeHeading, display: TrainingDisplay, command: str
) -> Probe:
    recognizer = load_recognizer(run / MODEL)
    notes = check_leaks(read_heard(run), dataset.split, f"the model of {run}", settings.leaks)
    # Labels are those of the probes, not of the network: its own task may know other classes.
    part, silent = prepare_part("test", settings, dataset, recognizer.front, (), display.report)
    if silent:
        notes.append(f"{len(silent)} silent recordings were left out")
    asked = probe_targets(part.utterances)
    missing = {name: target for name, target in asked.items() if isinstance(target, str)}
    layers = []
    features = layer_features(recognizer.network, part, display)
    for done, layer in enumerate(features, 1):
        targets = {name: probe_layer(layer.values, what) for name, what in asked.items() if isinstance(what, Target)}
        layers.append(
            ProbeLayer(
                layer=layer.layer,
                name=layer.name,
                kind=layer.kind,
                size=layer.values.shape[1],
                targets=targets,
                missing=missing,
            )
        )
        display.report("probing the layers", done, len(features))
    size = part.size()
    return Probe(
        **heading.model_dump(),
        clips=size.clips,
        speakers=size.speakers,
        notes=tuple(notes),
        layers=tuple(layers),
        versions=versions(),
        command=command,
    )
