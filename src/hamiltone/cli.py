"""The command line: verbs that read settings, call one function and print. Heavy imports stay inside the verbs."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from hamiltone import __version__
from hamiltone.errors import HamiltoneError

if TYPE_CHECKING:
    from hamiltone.service import Prediction

app = typer.Typer(
    name="hamiltone",
    help="Quaternion anti-transfer learning for speech emotion recognition.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Settings = Annotated[Path, typer.Argument(metavar="FILE.toml", help="Settings of the run; ready ones are in configs/.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY.PATH=VALUE]...", help="Settings laid over the file's.")
]
Model = Annotated[Path, typer.Option("--model", help="Folder of a saved model, as RUN/model.")]
_PRETRAINING_COLUMNS = ("Run", "Reconstruction BCE", "BCE of a constant", "Accuracy", "Chance", "Clips")
_RESULT_COLUMNS = ("Run", "Method", "AT layer", "Accuracy", "UAR", "Chance", "Clips", "Speakers")

Study = Annotated[Path, typer.Argument(metavar="STUDY.toml", help="A study; ready ones are in configs/study/.")]
Out = Annotated[Path | None, typer.Option("--out", help="Where the study goes; runs/NAME by default.")]

Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def main() -> None:
    """Run a verb; a user's mistake is one line on standard error and exit code 2, an interruption exit code 130."""
    try:
        app()
    except HamiltoneError as error:
        _fail(str(error))
    except OSError as error:  # a full disk, a folder that may not be written: the user's to mend, too
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}")


def _fail(message: str) -> NoReturn:
    print(f"hamiltone: {message}", file=sys.stderr)
    sys.exit(2)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def doctor() -> None:
    """Say what is installed and what this machine offers; exit code 1 when something needed is missing."""
    from hamiltone.doctor import examine

    findings = examine()
    for finding in findings:
        print(f"{finding.mark:<8}{finding.what:<16}{finding.text}")
    if any(finding.mark == "missing" for finding in findings):
        raise typer.Exit(1)


@app.command()
def pretrain(settings: Settings, overrides: Overrides = None, quiet: Quiet = False) -> None:
    """Train what a recogniser rests on: RH-Emo (task rh-emo), or an orthogonal task (word, speaker)."""
    _train(settings, overrides, quiet, tasks=("rh-emo", "word", "speaker"), other="hamiltone train")


@app.command()
def train(settings: Settings, overrides: Overrides = None, quiet: Quiet = False) -> None:
    """Train an emotion recogniser: without anti-transfer, with single or with dual anti-transfer."""
    _train(settings, overrides, quiet, tasks=("emotion",), other="hamiltone pretrain")


def _train(path: Path, overrides: list[str] | None, quiet: bool, tasks: tuple[str, ...], other: str) -> None:
    from hamiltone.training import SettingsError, is_main_process, read_settings
    from hamiltone.training import train as train_run

    settings = read_settings(path, overrides or [])
    if settings.task not in tasks:
        raise SettingsError(f"{path}: its task is {settings.task}; use {other} for it")
    try:
        record = train_run(settings, command=_command(), quiet=quiet)
    except KeyboardInterrupt:
        print("hamiltone: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        raise typer.Exit(130) from None
    if is_main_process():
        _print_results(record, Path(settings.out))


@app.command()
def evaluate(
    settings: Settings,
    model: Model,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write predictions.csv and evaluation.json there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Evaluate a saved recogniser on the test part that the settings name."""
    from hamiltone.training import evaluate as evaluate_model
    from hamiltone.training import read_settings

    evaluation = evaluate_model(read_settings(settings, overrides or []), model, out, command=_command())
    if as_json:
        print(json.dumps(evaluation, indent=2))
    else:
        _print_results(evaluation, out)


@app.command()
def probe(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run of a VGG.")],
    again: Annotated[bool, typer.Option("--again", help="Probe anew, even if it was done before.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    quiet: Quiet = False,
) -> None:
    """Say how well speaker, word and emotion can be read from each layer of a run: linear probes on its test part."""
    from hamiltone.training import probe as probe_run

    content = probe_run(run, again=again, quiet=quiet, command=_command())
    if as_json:
        print(json.dumps(content, indent=2))
    else:
        _print_probe(content)


@app.command()
def predict(
    audio: Annotated[list[Path], typer.Argument(metavar="AUDIO...", help="Recordings, of any length and format.")],
    model: Model,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: overall scores, and scores of each frame.")
    ] = False,
) -> None:
    """Name the emotion of recordings. A bad file is one line, the others go on, and the exit code is 2."""
    from hamiltone.service import Predictor
    from hamiltone.speech import AudioError

    predictor = Predictor(model)
    predictions: list[Prediction] = []
    failed = False
    for path in audio:
        try:
            prediction = predictor.predict(path)
        except AudioError as error:
            failed = True
            print(f"hamiltone: {error}", file=sys.stderr)
            continue
        predictions.append(prediction)
        if not as_json:
            _print_prediction(prediction)
    if as_json:
        print(json.dumps([prediction.as_json() for prediction in predictions], indent=2))
    if failed:
        raise typer.Exit(2)


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option("--out", help="Where the runs and the report go.")] = Path("runs/quickstart"),
    quiet: Quiet = False,
) -> None:
    """The whole method on the embedded corpus of synthetic voices, in a few minutes on a CPU."""
    from hamiltone.report import pretraining_rows, result_rows, write_report
    from hamiltone.study import run_quickstart

    try:
        note = run_quickstart(out, quiet=quiet)
    except KeyboardInterrupt:
        print("hamiltone: interrupted; the same command goes on where it was", file=sys.stderr)
        raise typer.Exit(130) from None
    page = write_report(out).resolve()
    print(f"\n{note}")
    _print_table("What the recognisers rest on", pretraining_rows(out), _PRETRAINING_COLUMNS)
    _print_table("Emotions of unseen voices", result_rows(out), _RESULT_COLUMNS)
    print(f"The report, with curves and confusion matrices: {page}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with runs anywhere below it.")],
    out: Annotated[Path | None, typer.Option("--out", help="The page to write; DIR/report.html by default.")] = None,
    study: Annotated[str | None, typer.Option("--study", help="Which of the folder's studies, by name.")] = None,
) -> None:
    """Make one HTML page of all runs below a folder, or of a study, and print the tables in Markdown.

    For a study, Table 1, Figure 2 and the resources are written as files beside the page.
    """
    from hamiltone.report import (
        markdown_table,
        pretraining_rows,
        resource_rows,
        result_rows,
        table1_rows,
        write_report,
    )

    page = write_report(folder, out, study)
    if (folder / "studies").is_dir():
        tables = table1_rows(folder, study), resource_rows(folder, study)
    else:
        tables = pretraining_rows(folder), result_rows(folder)
    for rows in tables:
        if rows:
            print(markdown_table(rows), end="\n\n")
    print(page)


@app.command()
def bench(
    tables: Annotated[
        list[str] | None, typer.Argument(metavar="[a|b|c|d]...", help="Which tables; all of them.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where JSON, Markdown and a picture go.")] = Path("runs/bench"),
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Threads of torch; all cores.")] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="PYTHON", help="An interpreter that has SpeechBrain: compare.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", help="A Markdown page to put the tables into, as docs/performance.md.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes, to see that all of it runs.")] = False,
) -> None:
    """Measure time and memory of layers, anti-transfer and training steps, as ratios within one run."""
    from hamiltone.benchmark import TARGET_COLUMNS, cells, run_benchmark, target_cells, write_benchmark

    def told(what: str) -> None:
        print(what, file=sys.stderr)

    result = run_benchmark("".join(tables or "abcd"), threads=threads, quick=quick, against=against, report=told)
    for table in result.tables:
        columns = ("", *table.columns)
        rows = [dict(zip(columns, (row.name, *cells(row)), strict=True)) for row in table.rows]
        _print_table(table.title, rows, columns)
    targets: list[dict[str, str]] = [
        dict(zip(TARGET_COLUMNS, target_cells(one), strict=True)) for t in result.tables for one in t.targets
    ]
    if targets:
        _print_table("Targets", targets, TARGET_COLUMNS)
    write_benchmark(result, out, page)
    print(f"all of it: {out}")


study_app = typer.Typer(
    help="Many runs that rest on one another: a whole comparison in one file.", no_args_is_help=True
)
app.add_typer(study_app, name="study")


@study_app.command("plan")
def study_plan(
    settings: Study,
    overrides: Overrides = None,
    out: Out = None,
    runs: Annotated[bool, typer.Option("--runs", help="List every run, too.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="For the estimate: how many runs go at once.")] = 1,
) -> None:
    """Show what a study consists of: kinds of runs, what rests on what, what is done, and what the rest will take."""
    from hamiltone.study import plan_study, read_study

    study = read_study(settings, overrides)
    plan = plan_study(study, out or Path("runs") / study.name)
    columns = ("Kind", "Runs", "Done", "Failed", "Rests on", "A run takes", "Memory")
    rows = [
        {
            "Kind": group.name,
            "Runs": str(sum(group.states.values())),
            "Done": str(group.states.get("done", 0)),
            "Failed": str(group.states.get("failed", 0) + group.states.get("skipped", 0)),
            "Rests on": ", ".join(group.rests_on),
            "A run takes": "" if group.estimate is None else _duration(group.estimate.seconds),
            "Memory": "" if group.estimate is None else f"{group.estimate.memory / 2**20:.0f} MiB",
        }
        for group in plan.groups()
    ]
    _print_table(f"{study.name}: {len(plan.graph.nodes)} runs below {plan.out}", rows, columns)
    if runs:
        for node in plan.graph.nodes:
            print(
                f"{plan.states[node.folder]:<8}{node.folder}" + "".join(f"\n          on {run}" for run in node.needs)
            )
    left = len(plan.left)
    if not left:
        print("all of them are done")
    elif (seconds := plan.seconds_left()) is not None:
        print(f"{left} runs left: about {_duration(seconds / workers)} with {workers} at once, as measured here")
    else:
        known = [plan.estimates[node.folder].seconds for node in plan.left if node.folder in plan.estimates]
        print(f"{left} runs left; no run like {left - len(known)} of them is done yet, so their time is not known")
        if known:
            print(f"the other {len(known)} take about {_duration(sum(known) / workers)} with {workers} at once")


@study_app.command("run")
def study_run(
    settings: Study,
    overrides: Overrides = None,
    out: Out = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Runs at once on this machine; by default as many as its cores hold."),
    ] = None,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="A Ray cluster instead: auto, HOST:PORT, or local.")
    ] = None,
    ship: Annotated[
        bool, typer.Option("--ship", help="With --ray: send runs through Ray, since its machines share no folder.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Carry out a study: what is done is not done again, what fails is told, and the rest goes on.

    The exit code is 0 when all runs are done, 1 when some failed or were skipped.
    """
    from hamiltone.study import LocalExecutor, StudyError, local_workers, ray_executor, read_study, run_study

    if ray and workers:
        raise StudyError("--workers is for this machine and --ray for a cluster: give one of them")
    if ship and not ray:
        raise StudyError("--ship is for a cluster: give --ray ADDRESS, too")
    study = read_study(settings, overrides)
    out = out or Path("runs") / study.name
    workers = workers or local_workers(study)
    executor = ray_executor(out, ray, ship=ship) if ray else LocalExecutor(out, workers, gpus=_gpus())
    try:
        result = run_study(study, out, executor, command=f"hamiltone study run {settings}", quiet=quiet)
    except KeyboardInterrupt:
        print("hamiltone: interrupted; the same command goes on where it was", file=sys.stderr)
        raise typer.Exit(130) from None
    if result.before == result.planned:
        print(f"{study.name}: all {result.planned} runs were done before; nothing to do")
    else:
        told = f"{result.done} of {result.planned} runs done now, {result.before} before"
        print(f"{study.name}: {told}, {len(result.failed)} failed, {len(result.skipped)} skipped")
    for folder, reason in result.failed.items():
        print(f"failed: {folder}: {reason}")
    print(f"report: hamiltone report {out}")
    if not result.complete:
        raise typer.Exit(1)


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _command() -> str:
    return shlex.join(["hamiltone", *sys.argv[1:]])


def _print_results(record: dict[str, Any], out: Path | None) -> None:
    corpus, split = record["corpus"], record["split"]
    print(f"{record['name']}: {corpus['name']}" + (f" ({corpus['note']})" if corpus["note"] else ""))
    for note in record["notes"]:
        print(f"note: {note}")
    if reconstruction := record.get("reconstruction"):
        print(
            f"reconstruction of unseen clips: BCE {reconstruction['bce']:.4f}, of a constant "
            f"{reconstruction['bce_constant']:.4f}; deviation of the four axes: "
            + ", ".join(f"{value:.3f}" for value in reconstruction["axis_deviation"])
        )
    if test := record.get("test"):
        speakers = f"{test['speakers']} speaker{'' if test['speakers'] == 1 else 's'}"
        print(f"test part ({split['kind']} split): {test['clips']} clips of {speakers}")
        for measure, title in (("accuracy", "accuracy"), ("uar", "UAR"), ("macro_f1", "macro F1")):
            entry = test[measure]
            span = entry["note"] or f"95 % interval {100 * entry['low']:.1f} to {100 * entry['high']:.1f}"
            print(f"  {title:<9}{100 * entry['value']:5.1f} %  {span}")
    if out is not None:
        print(f"all of it: {out}")


def _print_probe(content: dict[str, Any]) -> None:
    print(f"{content['name']}: {content['clips']} clips of {content['speakers']} speakers of {content['corpus']}")
    for note in content["notes"]:
        print(f"note: {note}")
    targets, missing = content["layers"][0]["targets"], content["layers"][0]["missing"]
    rows = [
        {"Layer": str(layer["layer"]), "Name": layer["name"], "Features": str(layer["size"])}
        | {name.capitalize(): f"{100 * entry['accuracy']:.1f} %" for name, entry in layer["targets"].items()}
        for layer in content["layers"]
    ]
    chance = {name.capitalize(): f"{100 * entry['chance']:.1f} %" for name, entry in targets.items()}
    _print_table("Accuracy of linear probes", [*rows, {"Layer": "chance", **chance}], (*rows[0],))
    for name, entry in targets.items():
        told = f"{name}: {entry['classes']} classes, {entry['clips']} clips, {entry['folds']} folds"
        note = f"; {entry['note']}" if entry["note"] else ""
        print(f"{told} that keep each {entry['apart']} on one side{note}")
    for name, reason in missing.items():
        print(f"{name}: not probed: {reason}")


def _print_table(title: str, rows: list[dict[str, str]], columns: tuple[str, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(row.get(column, "") for column in columns))
    Console(width=None if sys.stdout.isatty() else 120, markup=False, highlight=False).print(table)


def _print_prediction(prediction: "Prediction") -> None:
    print(f"{prediction.path}: {prediction.label}")
    for name, score in sorted(prediction.scores.items(), key=lambda item: -item[1]):
        print(f"  {name:<12}{100 * score:5.1f} %  {'█' * round(30 * score)}")
    if len(prediction.frames) > 1:
        for frame in prediction.frames:
            best = max(frame.scores, key=frame.scores.__getitem__)
            print(f"  {frame.start:8.1f} to {frame.end:8.1f} s  {best} ({100 * frame.scores[best]:.0f} %)")
