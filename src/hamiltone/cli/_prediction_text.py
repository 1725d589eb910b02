"""Predictions as people read them in a terminal: bars of one recording, a table of several, a rolling line."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hamiltone.cli._printing import print_table

if TYPE_CHECKING:
    from hamiltone.service import Prediction, Stretch

_COLUMNS = ("Recording", "Speaker", "Seconds", "Emotion", "Score", "Next", "Over time")
_MOST_STRETCHES = 4  # of a recording in a table
_MOST_LINES = 30  # of a recording alone


def verdict(prediction: "Prediction") -> str:
    """The label; of one that is unsure, the nearest class, too."""
    nearest = prediction.ranked[0][0]
    return prediction.label if prediction.label == nearest else f"{prediction.label}; nearest to {nearest}"


def print_prediction(prediction: "Prediction") -> None:
    """One recording: its scores as bars, and its labels over time."""
    print(f"{prediction.path}: {verdict(prediction)}")
    for name, score in prediction.ranked:
        print(f"  {name:<12}{100 * score:5.1f} %  {'█' * round(30 * score)}")
    if len(prediction.frames) == 1:
        return
    print("  over time, with the mean score of the windows:")
    stretches = prediction.stretches()
    for start, end, label, score in stretches[:_MOST_LINES]:
        print(f"  {start:8.1f} to {end:8.1f} s  {label}" + ("" if score is None else f" ({100 * score:.0f} %)"))
    if (more := len(stretches) - _MOST_LINES) > 0:
        print(f"  and {more} more; --csv FILE and --json have all windows")


def print_predictions(predictions: "list[Prediction]") -> None:
    """Several recordings or segments: a row for each."""
    paths = [Path(prediction.path).absolute() for prediction in predictions]
    folder = common_folder(paths)
    names = [str(path.relative_to(folder)) if folder else str(path) for path in paths]
    whole = all(prediction.whole for prediction in predictions)
    rows = [_row(name, prediction, whole=whole) for name, prediction in zip(names, predictions, strict=True)]
    filled = tuple(column for column in _COLUMNS if any(row[column] for row in rows))  # a terminal is narrow
    print_table(str(folder) if folder else "", rows, filled)


def rolling_line(prediction: "Prediction") -> str:
    """What the last seconds sound like."""
    scores = ", ".join(f"{name} {100 * score:.0f} %" for name, score in prediction.ranked[:3])
    return f"{prediction.end:7.1f} s  {prediction.label:<12}{scores}"


def common_folder(paths: list[Path]) -> Path | None:
    """The folder that all lie in or below; None where that is a root, which tells nothing."""
    if len({path.anchor for path in paths}) > 1:
        return None
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    return None if folder == folder.parent else folder


def _row(name: str, prediction: "Prediction", *, whole: bool) -> dict[str, str]:
    ranked = [f"{label} {100 * score:.0f} %" for label, score in prediction.ranked]
    sure = prediction.label == prediction.ranked[0][0]
    stretches = prediction.stretches()
    more = [f"{len(stretches) - _MOST_STRETCHES} more"] if len(stretches) > _MOST_STRETCHES else []
    return {
        "Recording": name,
        "Speaker": prediction.speaker or "",
        "Seconds": f"{prediction.end:.1f}" if whole else f"{prediction.start:.1f} to {prediction.end:.1f}",
        "Emotion": prediction.label,
        "Score": f"{100 * prediction.ranked[0][1]:.0f} %" if sure else "",
        "Next": "".join(ranked[1:2] if sure else ranked[:1]),
        "Over time": ", ".join([*map(_stretch, stretches[:_MOST_STRETCHES]), *more]) if len(stretches) > 1 else "",
    }


def _stretch(stretch: "Stretch") -> str:
    return f"{stretch.label} {stretch.start:.0f}-{stretch.end:.0f} s"
