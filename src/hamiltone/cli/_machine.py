"""The verb that looks at this machine: doctor."""

from pathlib import Path
from typing import Annotated

import typer

from hamiltone.cli._app import app


@app.command()
def doctor(
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="FILE", help="Write what an issue needs to know, with a tiny training; nothing private."
        ),
    ] = None,
) -> None:
    """Say what is installed and what this machine offers; exit code 1 when something needed is missing."""
    from hamiltone import doctor as diagnosis

    if report is not None:
        from hamiltone.files import atomic_write

        atomic_write(report, diagnosis.report())
        print(f"{report}: read it, and paste it into the issue")
        return
    findings = diagnosis.examine()
    for finding in findings:
        print(f"{finding.mark:<8}{finding.what:<20}{finding.text}")
    if any(finding.mark == "missing" for finding in findings):
        raise typer.Exit(1)
