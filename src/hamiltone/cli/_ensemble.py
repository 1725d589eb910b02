"""The verb that makes one recogniser of several runs: ensemble."""

from pathlib import Path
from typing import Annotated

import typer

from hamiltone.cli._app import app
from hamiltone.cli._options import command


@app.command()
def ensemble(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Finished runs of a cross-validation.")],
    out: Annotated[Path, typer.Option("--out", help="Where the recogniser goes.")],
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME=A+B", help="A class made of the runs' classes A and B; others go."),
    ] = None,
    speeds: Annotated[
        list[float] | None,
        typer.Option(
            "--speed",
            metavar="TIMES",
            help="Average over recordings at this speed (1 is as recorded), one option each; each adds its time.",
        ),
    ] = None,
    unsure_below: Annotated[
        float, typer.Option("--unsure-below", min=0, max=1, help="The score below which the label is unsure; 0: never.")
    ] = 0.5,
    title: Annotated[str, typer.Option("--title", help="What the card calls it.")] = "An ensemble of recognisers",
) -> None:
    """Make one recogniser of several runs: the mean of their scores, calibrated where none of them had heard."""
    from hamiltone.networks import check_bundle_place
    from hamiltone.training import TrainingError, plain_line, result_line
    from hamiltone.training import ensemble as ensemble_runs

    asked: dict[str, list[str]] = {}
    for text in classes or []:
        name, equals, parts = text.partition("=")
        if not name or not equals or not all(parts.split("+")) or name in asked:
            raise TrainingError(f"--class {text!r}: takes NAME=A+B, each name once")
        asked[name] = parts.split("+")
    check_bundle_place(out)
    made = ensemble_runs(runs, asked or None, speeds=speeds or None, unsure_below=unsure_below)
    labels = made.recognizer.labels
    line = result_line(f"its {len(runs)} members, each on speakers it never heard", made.predictions, labels)
    plain = plain_line(
        made.predictions, labels, "recordings, each answered by a member that had never heard the speaker"
    )
    made.save(out, {"title": title, "task": "emotion", "results": [plain, line], "command": command()})
    print(f"{out}: {line}")
    for note in made.notes:
        print(f"  note: {note}")
