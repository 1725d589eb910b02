"""An export of one's own: ``hamiltone export MODEL --to pt2=FILE`` writes a program for ``torch.export.load``.

    export HAMILTONE_EXTENSIONS=examples/extending/export.py
    hamiltone export runs/baseline/model --to pt2=emotion.pt2

Importing this file registers the export.
"""

from pathlib import Path

import torch

from hamiltone.audio import FRAME_SAMPLES
from hamiltone.files import atomic_path
from hamiltone.networks import load_recognizer
from hamiltone.service import register_export


def export_program(model: Path, place: Path) -> str:
    """Write a saved recogniser as one program: waveforms (batch, 64000) at 16 kHz -> class scores (batch, label)."""
    recognizer = load_recognizer(model)
    recognizer.front = recognizer.front.for_export()
    frames = torch.rand(2, FRAME_SAMPLES) - 0.5
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(recognizer, (frames,), dynamic_shapes=({0: batch},))
    with atomic_path(place) as draft:
        torch.export.save(program, draft)
    return f"{place}: a program of {len(recognizer.labels)} scores, for torch.export.load"


register_export("pt2", export_program)
