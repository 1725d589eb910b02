"""The verbs that look at this machine: doctor, bench."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hamiltone.cli._app import app
from hamiltone.cli._printing import print_table


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
        print_table(table.title, rows, columns)
    targets: list[dict[str, str]] = [
        dict(zip(TARGET_COLUMNS, target_cells(one), strict=True)) for t in result.tables for one in t.targets
    ]
    if targets:
        print_table("Targets", targets, TARGET_COLUMNS)
    write_benchmark(result, out, page)
    print(f"all of it: {out}")
