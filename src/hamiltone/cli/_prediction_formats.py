"""The formats in which predictions are printed."""

import json
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from hamiltone.cli._prediction_text import print_prediction, print_predictions

if TYPE_CHECKING:
    from hamiltone.service import Prediction


class Format(StrEnum):
    """How predictions are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    AUDACITY = "audacity"
    TEXTGRID = "textgrid"
    SRT = "srt"


def print_as(predictions: "list[Prediction]", form: Format, out: Path | None, *, alone: bool) -> None:
    """Print predictions; those that are lines already were printed as they came.

    Args:
        predictions: in their order.
        form: how.
        out: for labels over time, the folder of their files.
        alone: whether it is one recording, and no part of one.
    """
    from hamiltone.service import ANNOTATIONS

    if form in ANNOTATIONS:
        _print_annotations(predictions, form, out)
    elif form is Format.JSON:
        print(json.dumps([prediction.as_json() for prediction in predictions], indent=2))
    elif form is Format.TABLE and predictions:
        if alone:
            print_prediction(predictions[0])
        else:
            print_predictions(predictions)


def _print_annotations(predictions: "list[Prediction]", form: Format, out: Path | None) -> None:
    from hamiltone.files import atomic_write
    from hamiltone.service import ANNOTATIONS, ServiceError

    write, suffix = ANNOTATIONS[form]
    texts = {path: write(list(its)) for path, its in groupby(predictions, key=lambda prediction: prediction.path)}
    if out is None:
        if len(texts) > 1:
            raise ServiceError(f"--format {form} has no place for {len(texts)} recordings: name a folder, --out DIR")
        print("".join(texts.values()), end="")
        return
    files = {path: out / f"{Path(path).stem}{suffix}" for path in texts}
    if len({*files.values()}) < len(files):
        raise ServiceError(f"{out}: two recordings would have one file, for they have one name; take them in turn")
    for path, text in texts.items():
        atomic_write(files[path], text)
        print(files[path])
