"""The verb that takes a model elsewhere: export."""

from pathlib import Path
from typing import Annotated

import typer

from hamiltone.cli._app import app


@app.command()
def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of a saved recogniser, as RUN/model.")],
    onnx: Annotated[
        Path | None, typer.Option("--onnx", metavar="FILE|DIR", help="One ONNX file: waveform in, scores out.")
    ] = None,
) -> None:
    """Write a recogniser for other programs than this one."""
    from hamiltone.networks import bundle_card, load_recognizer
    from hamiltone.service import ServiceError, export_onnx

    if onnx is None:
        raise ServiceError("export to what? name one at least of --onnx")
    file = export_onnx(load_recognizer(model), onnx, card=bundle_card(model))
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB; checked against the recogniser")
