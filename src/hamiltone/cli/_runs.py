"""The verbs of single runs: train, evaluate, calibrate, probe."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hamiltone.cli._app import app
from hamiltone.cli._options import Json, Model, Overrides, Quiet, Settings, command
from hamiltone.cli._printing import interruptible, print_table, tell_licence

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Remove the run that lies in the folder, whatever it is, and begin anew.")
]

if TYPE_CHECKING:
    from hamiltone.records import EvaluationRecord, Probe, RunRecord


@app.command()
def pretrain(
    settings: Settings, overrides: Overrides = None, overwrite: Overwrite = False, quiet: Quiet = False
) -> None:
    """Train what a recogniser rests on: RH-Emo (task rh-emo), or an orthogonal task (word, speaker)."""
    _train(settings, overrides, quiet, overwrite, tasks=("rh-emo", "word", "speaker"), other="hamiltone train")


@app.command()
def train(settings: Settings, overrides: Overrides = None, overwrite: Overwrite = False, quiet: Quiet = False) -> None:
    """Train an emotion recogniser: without anti-transfer, with single or with dual anti-transfer."""
    _train(settings, overrides, quiet, overwrite, tasks=("emotion",), other="hamiltone pretrain")


def _train(
    path: Path, overrides: list[str] | None, quiet: bool, overwrite: bool, tasks: tuple[str, ...], other: str
) -> None:
    from hamiltone.training import SettingsError, is_main_process, read_settings
    from hamiltone.training import train as train_run

    settings = read_settings(path, overrides or [])
    if settings.task not in tasks:
        raise SettingsError(f"{path}: its task is {settings.task}; use {other} for it")
    with interruptible("the same command goes on from the last checkpoint"):
        record = train_run(settings, command=command(), quiet=quiet, overwrite=overwrite)
    if is_main_process():
        print_results(record, Path(settings.out))


@app.command("import-rh-emo")
def import_rh_emo(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Released weights of RH-Emo: a PyTorch state dict.")],
    settings: Annotated[
        Path, typer.Argument(metavar="SETTINGS.toml", help="Of the recogniser to come: its corpus, split and frames.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Where the run goes; front.source of others names it.")],
    overrides: Overrides = None,
    heads: Annotated[bool, typer.Option("--heads", help="Keep the heads, too; recognisers do not need them.")] = False,
    quiet: Quiet = False,
) -> None:
    """Make released RH-Emo weights a run to rest on, its maximum taken from your own training part."""
    from hamiltone.training import import_rh_emo as import_weights
    from hamiltone.training import read_settings

    asked = read_settings(settings, overrides or [])
    with interruptible():
        record = import_weights(file, asked, out, heads=heads, command=command(), quiet=quiet)
    print_results(record, out)


@app.command()
def evaluate(
    settings: Settings,
    model: Model,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write predictions.csv, evaluation.json and split.json there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Evaluate a saved recogniser on the test part that the settings name."""
    from hamiltone.service import model_folder
    from hamiltone.training import evaluate as evaluate_model
    from hamiltone.training import read_settings

    model = model_folder(model)
    tell_licence(model)
    evaluation = evaluate_model(read_settings(settings, overrides or []), model, out, command=command())
    if as_json:
        print(evaluation.model_dump_json(indent=2, exclude_none=True))
    else:
        print_results(evaluation, out)


@app.command()
def calibrate(
    settings: Settings,
    model: Model,
    out: Annotated[Path, typer.Option("--out", help="Where the calibrated model goes, as RUN/calibrated.")],
    overrides: Overrides = None,
    unsure_below: Annotated[
        float,
        typer.Option("--unsure-below", min=0, max=1, help='Say "unsure" where the highest score is less; 0: never.'),
    ] = 0.5,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a saved recogniser as sure as it is right: fit its temperature on the settings' validation part."""
    from hamiltone.service import model_folder
    from hamiltone.training import calibrate as calibrate_model
    from hamiltone.training import read_settings

    model = model_folder(model)
    tell_licence(model, quiet=quiet)
    asked = read_settings(settings, overrides or [])
    told = calibrate_model(asked, model, out, unsure_below=unsure_below, quiet=quiet)
    if as_json:
        print(json.dumps(told, indent=2))
        return
    print(f"{out}: temperature {told['temperature']:.3f}, fitted on {told['clips']} validation clips")
    for name, part in (("before", told["before"]), ("after", told["after"])):
        print(f"  expected calibration error {name:<7}{part['ece']:.3f}")
    for note in told["notes"]:
        print(f"note: {note}")
    doubt = told["doubt"]
    print(f"  unsure below a score of {told['unsure_below']:g}: {doubt['unsure']} of {doubt['clips']} clips")
    for name, wrong in (("the others", doubt["error"]), ("these", doubt["error_unsure"])):
        if wrong is not None:
            print(f"  wrong of {name:<10}{100 * wrong:5.1f} %")


@app.command()
def probe(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run: emotion, speaker or word.")],
    again: Annotated[bool, typer.Option("--again", help="Probe anew, even if it was done before.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say how well speaker, word and emotion can be read from each layer of a run: linear probes on its test part."""
    from hamiltone.training import probe as probe_run

    content = probe_run(run, again=again, quiet=quiet, command=command())
    if as_json:
        print(content.model_dump_json(indent=2, exclude_none=True))
    else:
        print_probe(content)


def print_results(record: "RunRecord | EvaluationRecord", out: Path | None) -> None:
    corpus, split = record.corpus, record.split
    print(f"{record.name}: {corpus.name}" + (f" ({corpus.note})" if corpus.note else ""))
    print(f"{split.kind} split: {split.protocol}")
    for note in record.notes:
        print(f"note: {note}")
    if reconstruction := getattr(record, "reconstruction", None):
        print(
            f"reconstruction of unseen clips: BCE {reconstruction.bce:.4f}, of a constant "
            f"{reconstruction.bce_constant:.4f}; deviation of the four axes: "
            + ", ".join(f"{value:.3f}" for value in reconstruction.axis_deviation)
        )
    if test := record.test:
        speakers = f"{test.speakers} speaker{'' if test.speakers == 1 else 's'}"
        scheme = f", {split.scheme}" if split.scheme else ""
        print(f"test part ({split.kind} split{scheme}): {test.clips} clips of {speakers}")
        for title, score in (("accuracy", test.accuracy), ("UAR", test.uar), ("macro F1", test.macro_f1)):
            low, high = score.low, score.high
            interval = score.note if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"
            print(f"  {title:<9}{100 * score.value:5.1f} %  95 % interval {interval}")
    if out is not None:
        print(f"all of it: {out}")


def print_probe(content: "Probe") -> None:
    speakers = f"{content.speakers} speaker{'' if content.speakers == 1 else 's'}"
    print(f"{content.name}: {content.clips} clips of {speakers} of {content.corpus}")
    for note in content.notes:
        print(f"note: {note}")
    targets, missing = content.layers[0].targets, content.layers[0].missing
    rows = [
        {"Layer": str(layer.layer), "Name": layer.name, "Features": str(layer.size)}
        | {name.capitalize(): f"{100 * entry.accuracy:.1f} %" for name, entry in layer.targets.items()}
        for layer in content.layers
    ]
    chance = {name.capitalize(): f"{100 * entry.chance:.1f} %" for name, entry in targets.items()}
    print_table("Accuracy of linear probes", [*rows, {"Layer": "chance", **chance}], (*rows[0],))
    for name, entry in targets.items():
        told = f"{name}: {entry.classes} classes, {entry.clips} clips, {entry.folds} folds"
        note = f"; {entry.note}" if entry.note else ""
        print(f"{told} that keep each {entry.apart} on one side{note}")
    for name, reason in missing.items():
        print(f"{name}: not probed: {reason}")
