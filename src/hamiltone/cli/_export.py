"""The verb that takes a model elsewhere: export."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hamiltone.cli._app import app
from hamiltone.cli._printing import tell_licence


@app.command()
def export(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="Folder of a saved recogniser, as RUN/model; else the package's."),
    ] = None,
    onnx: Annotated[
        Path | None, typer.Option("--onnx", metavar="FILE|DIR", help="One ONNX file: waveform in, scores out.")
    ] = None,
    hub: Annotated[
        Path | None, typer.Option("--hub", metavar="DIR", help="A folder for the Hugging Face Hub, which loads back.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="DIR", help="The page as static files; the model runs in them.")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="NAME=PLACE", help="An export that an extension defines.")
    ] = None,
    runtime: Annotated[
        Path | None, typer.Option("--runtime", metavar="DIR", help="For --page: onnxruntime-web; else npm fetches it.")
    ] = None,
) -> None:
    """Write a recogniser for other programs; --hub DIR --onnx DIR lays the ONNX file beside the weights."""
    from hamiltone.networks import bundle_card, load_recognizer
    from hamiltone.service import (
        ServiceError,
        check_place,
        export_hub,
        export_onnx,
        export_page,
        export_to,
        model_folder,
    )

    if onnx is None and hub is None and page is None and not to:
        raise ServiceError("export to what? name --onnx, --hub, --page or --to")
    folder = model_folder(model)
    tell_licence(folder)
    for place in (hub, onnx, page):
        if place is not None:
            check_place(place)
    if hub is not None:
        print(f"{export_hub(folder, hub)}: ready to upload; predict --model takes it, too")
    if onnx is not None or page is not None:
        print("Writing the network as ONNX, which may take a minute.", file=sys.stderr)
    if onnx is not None:
        file = export_onnx(load_recognizer(folder), onnx, card=bundle_card(folder))
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB; its scores are those of the recogniser")
    if page is not None:
        print(f"{export_page(folder, page, runtime=runtime)}: try it with python -m http.server --directory {page}")
    for target in to or []:
        print(export_to(folder, target))
