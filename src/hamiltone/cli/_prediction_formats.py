"""The formats in which predictions are printed."""

import json
import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from hamiltone.cli._prediction_text import common_folder, print_prediction, print_predictions

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


def check_annotations(names: Iterable[str], form: Format, out: Path | None, read: Sequence[Path]) -> None:
    """See, before anything is computed, that labels over time may be written.

    Args:
        names: of the recordings, as results call them.
        form: how predictions are printed.
        out: the folder of their files.
        read: the files that are read.

    Raises:
        ServiceError: no folder for several recordings, two that would have one file, or a file that is read.
    """
    from hamiltone.service import ANNOTATIONS, check_not_read

    if form in ANNOTATIONS:
        check_not_read(_annotation_files(names, form, out).values(), read)


def print_as(
    predictions: "list[Prediction]", names: Sequence[str], form: Format, out: Path | None, *, alone: bool
) -> None:
    """Print predictions; those that are lines already were printed as they came.

    Args:
        predictions: in their order.
        names: of all recordings, those among them that could not be heard, as ``check_annotations`` took them.
        form: how.
        out: for labels over time, the folder of their files.
        alone: whether it is one recording, and no part of one.
    """
    from hamiltone.service import ANNOTATIONS

    if form in ANNOTATIONS:
        _print_annotations(predictions, _annotation_files(names, form, out), ANNOTATIONS[form][0])
    elif form is Format.JSON:
        print(json.dumps([prediction.as_json() for prediction in predictions], indent=2))
    elif form is Format.TABLE and predictions:
        if alone:
            print_prediction(predictions[0])
        else:
            print_predictions(predictions)


def _print_annotations(
    predictions: "list[Prediction]", files: Mapping[str, Path], write: "Callable[[list[Prediction]], str]"
) -> None:
    from hamiltone.files import atomic_write

    texts = {path: write(list(its)) for path, its in groupby(predictions, key=lambda prediction: prediction.path)}
    if not files:
        print("".join(texts.values()), end="")
        return
    for path, text in texts.items():
        replaced = " (in place of an older one)" if files[path].exists() else ""
        atomic_write(files[path], text)
        print(f"{files[path]}{replaced}")


def _annotation_files(names: Iterable[str], form: Format, out: Path | None) -> dict[str, Path]:
    """The file of each recording (where names are alike, in folders as theirs); none where one alone is printed."""
    from hamiltone.service import ANNOTATIONS, ServiceError

    names = list(names)
    if out is None:
        if len(names) > 1:
            raise ServiceError(f"--format {form} has no place for {len(names)} recordings: name a folder, --out DIR")
        return {}
    suffix = ANNOTATIONS[form][1]
    files = {name: out / f"{Path(name).stem}{suffix}" for name in names}
    if _alike(files):
        files = {name: out / f"{place}{suffix}" for name, place in _places_below(names).items()}
    if alike := _alike(files):
        raise ServiceError(f"{out}: {alike[0]} and {alike[1]} would have one file; take them in turn, to folders apart")
    return files


def _alike(files: Mapping[str, Path]) -> tuple[str, str] | None:
    """Two recordings whose files some systems take for one."""
    found: dict[str, str] = {}
    for name, file in files.items():
        first = found.setdefault(unicodedata.normalize("NFC", str(file)).casefold(), name)
        if first != name:
            return first, name
    return None


def _places_below(names: Sequence[str]) -> dict[str, Path]:
    """Where each recording lies below the folder that holds all of them; the standard input is in none."""
    paths = {name: Path(os.path.abspath(name)) for name in names if os.path.exists(name)}  # noqa: PTH100, PTH110
    above = common_folder([*paths.values()]) if paths else None
    return {
        name: paths[name].relative_to(above or paths[name].anchor) if name in paths else Path(name) for name in names
    }
