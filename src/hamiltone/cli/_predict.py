"""The verbs of a trained recogniser: predict, info."""

import json
import os
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hamiltone.cli._app import app
from hamiltone.cli._listening import listening
from hamiltone.cli._options import Json, Quiet
from hamiltone.cli._printing import print_table

if TYPE_CHECKING:
    from hamiltone.service import Prediction

_COLUMNS = ("Recording", "Seconds", "Emotion", "Score", "Next", "Over time")
_MOST_STRETCHES = 4  # of a recording in a table
_MOST_LINES = 30  # of a recording alone
_SHORT = 0.5  # seconds; there is hardly a syllable in less


@app.command()
def predict(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Recordings of any length and format, or folders of them.", readable=False
        ),
    ],
    model: Annotated[
        Path | None, typer.Option("--model", help="Folder of a saved model, as RUN/model; the one that is shipped.")
    ] = None,
    hop: Annotated[
        float,
        typer.Option("--hop", help="Seconds from one window of 4 s to the next; less makes a finer line of time."),
    ] = 4.0,
    as_json: Json = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a table, too: overall, and window by window.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Name the emotion of recordings. A bad file is one line, the others go on, and the exit code is 2."""
    from hamiltone.audio import AudioError
    from hamiltone.service import Predictor, check_csv_path, find_recordings, licence_notice, shipped_model, write_csv

    faults = 0

    def tell(fault: object) -> None:
        nonlocal faults
        faults += 1
        print(f"hamiltone: {fault}", file=sys.stderr)

    recordings = find_recordings(paths, unreadable=tell)
    if csv is not None:
        check_csv_path(csv, recordings)
    folder = shipped_model() if model is None else model
    predictor = Predictor(folder)
    if (notice := licence_notice(folder)) and not quiet:
        print(f"note: {notice}", file=sys.stderr)
    predictions: list[Prediction] = []
    with listening(recordings, quiet=quiet) as report:
        for result in predictor.predict_all(recordings, hop=hop, report=report):
            if isinstance(result, AudioError):
                tell(result)
                continue
            predictions.append(result)
            if (seconds := result.frames[-1].end) < _SHORT and not quiet:
                print(f"note: {result.path}: {seconds:.2f} s of sound, too short to mean much", file=sys.stderr)
    if csv is not None:  # first: who reads the rest may stop reading
        write_csv(predictions, predictor.recognizer.labels, csv)
    if as_json:
        print(json.dumps([prediction.as_json() for prediction in predictions], indent=2))
    elif len(recordings) == 1:
        for prediction in predictions:
            print_prediction(prediction)
    elif predictions:
        print_predictions(predictions)
    if faults:
        raise typer.Exit(2)


@app.command()
def info(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="Folder of a saved model, as RUN/model; else the package's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a saved model is: network, front, what it was trained on, results, licences, files."""
    from hamiltone.service import model_info, shipped_model

    about = model_info(shipped_model() if model is None else model)
    if as_json:
        print(json.dumps(about, indent=2))
        return
    for name, value in about.items():
        lines = value if name == "results" and value else [_fact_text(value)]
        for number, line in enumerate(lines):
            print(f"{'' if number else name.replace('_', ' '):<14}{line}")


def print_prediction(prediction: "Prediction") -> None:
    print(f"{prediction.path}: {prediction.label}")
    for name, score in sorted(prediction.scores.items(), key=lambda item: -item[1]):
        print(f"  {name:<12}{100 * score:5.1f} %  {'█' * round(30 * score)}")
    stretches = list(_stretches(prediction))
    if len(prediction.frames) == 1:
        return
    print("  over time, with the mean score of the windows:")
    for start, end, label, score in stretches[:_MOST_LINES]:
        print(f"  {start:8.1f} to {end:8.1f} s  {label} ({100 * score:.0f} %)")
    if (more := len(stretches) - _MOST_LINES) > 0:
        print(f"  and {more} more; --csv FILE and --json have all windows")


def print_predictions(predictions: "list[Prediction]") -> None:
    paths = [Path(prediction.path).absolute() for prediction in predictions]
    folder = _common_folder(paths)
    names = [str(path.relative_to(folder)) if folder else str(path) for path in paths]
    rows = [_row(name, prediction) for name, prediction in zip(names, predictions, strict=True)]
    filled = tuple(column for column in _COLUMNS if any(row[column] for row in rows))  # a terminal is narrow
    print_table(str(folder) if folder else "", rows, filled)


def _common_folder(paths: list[Path]) -> Path | None:
    """The folder that all lie in or below; None where that is a root, which tells nothing."""
    if len({path.anchor for path in paths}) > 1:
        return None
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    return None if folder == folder.parent else folder


def _row(name: str, prediction: "Prediction") -> dict[str, str]:
    ranked = sorted(prediction.scores.items(), key=lambda item: -item[1])
    (label, score), others = ranked[0], ranked[1:2]
    stretches = [f"{label} {start:.0f}-{end:.0f} s" for start, end, label, _ in _stretches(prediction)]
    more = len(stretches) - _MOST_STRETCHES
    return {
        "Recording": name,
        "Seconds": f"{prediction.frames[-1].end:.1f}",
        "Emotion": label,
        "Score": f"{100 * score:.0f} %",
        "Next": "".join(f"{other} {100 * its:.0f} %" for other, its in others),
        "Over time": ", ".join(stretches[:_MOST_STRETCHES] + ([f"{more} more"] if more > 0 else []))
        if len(stretches) > 1
        else "",
    }


def _stretches(prediction: "Prediction") -> Iterator[tuple[float, float, str, float]]:
    """Neighbouring windows of one label as one: start, end (where the next one begins), label, its mean score."""
    groups = [list(group) for _, group in groupby(prediction.frames, key=lambda frame: frame.label)]
    ends = [group[0].start for group in groups[1:]] + [prediction.frames[-1].end]
    for group, end in zip(groups, ends, strict=True):
        label = group[0].label
        yield group[0].start, end, label, sum(frame.scores[label] for frame in group) / len(group)


def _fact_text(value: Any) -> str:
    if value is None or value in ({}, []):
        return "not told by the model"
    if isinstance(value, dict):
        return ", ".join(
            f"{name} {_fact_text(item) if isinstance(item, dict) else item}" for name, item in value.items()
        )
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
