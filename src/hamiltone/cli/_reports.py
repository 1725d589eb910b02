"""The verbs that show: the quickstart, the report of runs or of a study, and runs beside one another."""

from pathlib import Path
from typing import Annotated

import typer

from hamiltone.cli._app import app
from hamiltone.cli._options import Quiet, command
from hamiltone.cli._printing import GOES_ON, interruptible, print_table

_PRETRAINING_COLUMNS = ("Run", "Reconstruction BCE", "BCE of a constant", "Accuracy", "Chance", "Clips")
_RESULT_COLUMNS = ("Run", "Method", "AT layer", "Accuracy", "UAR", "Chance", "Clips", "Speakers")


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option("--out", help="Where the runs and the report go.")] = Path("runs/quickstart"),
    quiet: Quiet = False,
) -> None:
    """The whole method on the embedded corpus of synthetic voices, in a few minutes on a CPU."""
    from hamiltone.report import interval_notes, pretraining_rows, result_rows, write_report
    from hamiltone.study import run_quickstart

    with interruptible(GOES_ON):
        note = run_quickstart(out, command=command(), quiet=quiet)
    page = write_report(out).resolve()
    print(f"\n{note}")
    print_table("What the recognisers rest on", pretraining_rows(out), _PRETRAINING_COLUMNS)
    print_table("Emotions of unseen voices", result_rows(out), _RESULT_COLUMNS)
    if few := interval_notes(out):
        print(few)
    print(f"The report, with curves and confusion matrices: {page}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with runs anywhere below it.")],
    out: Annotated[Path | None, typer.Option("--out", help="The page to write; DIR/report.html by default.")] = None,
    study: Annotated[str | None, typer.Option("--study", help="Which of the folder's studies, by name.")] = None,
) -> None:
    """Make one HTML page of all runs below a folder, or of a study, and print the tables and protocols in Markdown.

    For a study, Table 1, Figure 2 and the resources are written as files beside the page.
    """
    from hamiltone.report import (
        interval_notes,
        markdown_table,
        pretraining_rows,
        protocol_lines,
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
    if not (folder / "studies").is_dir() and (few := interval_notes(folder)):
        print(few, end="\n\n")
    for line in protocol_lines(folder, study):
        print(f"Protocol of {line}.", end="\n\n")
    print(page)


@app.command()
def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN...", help="Runs, or folders of the seeds and folds of one.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write table and picture there, as comparison.*.")
    ] = None,
) -> None:
    """Compare recognisers with the first of them on the test clips they share: difference of UAR, interval, test."""
    from hamiltone.report import compare_runs, markdown_table

    comparison = compare_runs(runs)
    print(markdown_table(comparison.rows()))
    for note in comparison.notes:
        print(f"note: {note}")
    for path in comparison.write(out) if out else ():
        print(path)
