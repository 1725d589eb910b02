"""The verb that tells what a saved model is: info."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hamiltone.cli._app import app
from hamiltone.cli._options import Json


@app.command()
def info(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="Folder of a saved model, as RUN/model; else the package's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a saved model is: network, front, what it was trained on, results, licences, files."""
    from hamiltone.service import model_folder, model_info

    about = model_info(model_folder(model))
    if as_json:
        print(json.dumps(about, indent=2))
        return
    about["network"] = _alike_once(about["network"])
    for name, value in about.items():
        lines = value if name in ("results", "notes") and value else ["none" if value == [] else _fact_text(value)]
        for number, line in enumerate(lines):
            print(f"{'' if number else name.replace('_', ' '):<14}{line}")


def _alike_once(network: dict[str, Any]) -> dict[str, Any]:
    """An ensemble's members that are alike told once, with their number."""
    members = network.get("members", [])
    if len(members) < 2 or any(member != members[0] for member in members):
        return network
    return network | {"members": {f"{len(members)} x": members[0]}}


def _fact_text(value: Any) -> str:
    if value is None or value in ({}, []):
        return "not told by the model"
    if isinstance(value, dict):
        return ", ".join(
            f"{name} {_fact_text(item) if isinstance(item, dict) else item}" for name, item in value.items()
        )
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
