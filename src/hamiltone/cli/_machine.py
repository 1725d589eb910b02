"""The verb that looks at this machine: doctor."""

import typer

from hamiltone.cli._app import app


@app.command()
def doctor() -> None:
    """Say what is installed and what this machine offers; exit code 1 when something needed is missing."""
    from hamiltone.doctor import examine

    findings = examine()
    for finding in findings:
        print(f"{finding.mark:<8}{finding.what:<16}{finding.text}")
    if any(finding.mark == "missing" for finding in findings):
        raise typer.Exit(1)
