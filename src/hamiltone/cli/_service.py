"""The verbs of a trained recogniser: predict."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hamiltone.cli._app import app
from hamiltone.cli._options import Model

if TYPE_CHECKING:
    from hamiltone.service import Prediction


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
            print_prediction(prediction)
    if as_json:
        print(json.dumps([prediction.as_json() for prediction in predictions], indent=2))
    if failed:
        raise typer.Exit(2)


def print_prediction(prediction: "Prediction") -> None:
    print(f"{prediction.path}: {prediction.label}")
    for name, score in sorted(prediction.scores.items(), key=lambda item: -item[1]):
        print(f"  {name:<12}{100 * score:5.1f} %  {'█' * round(30 * score)}")
    if len(prediction.frames) > 1:
        for frame in prediction.frames:
            best = max(frame.scores, key=frame.scores.__getitem__)
            print(f"  {frame.start:8.1f} to {frame.end:8.1f} s  {best} ({100 * frame.scores[best]:.0f} %)")
