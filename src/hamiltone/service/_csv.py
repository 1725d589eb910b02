"""The CSV table of predictions."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hamiltone.files import atomic_path

from ._errors import ServiceError
from ._predictor import Prediction

_DEVICES = (Path("/dev"), Path("/dev/fd"))


def check_csv_path(path: Path, recordings: Iterable[Path]) -> None:
    """See, before anything is computed, that a table may be written there.

    Raises:
        ServiceError: a folder, a device, one of the recordings, or a place that may not be written.
    """
    if path.is_dir():
        raise ServiceError(f"{path}: is a folder; name a file for the table, as {path / 'scores.csv'}")
    if path.exists() and any(path.samefile(recording) for recording in recordings if recording.exists()):
        raise ServiceError(f"{path}: is one of the recordings; name another file for the table")
    # A pipe of the shell leads to no path, and a device is no file, whatever it leads to.
    if (path.exists() and not path.is_file()) or path.absolute().parent in _DEVICES:
        raise ServiceError(f"{path}: is a device or a pipe, and no file; name a file for the table")
    place = next(folder for folder in path.absolute().parents if folder.exists())
    if not place.is_dir():
        raise ServiceError(f"{place}: is a file, so that {path} cannot be written")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ServiceError(f"{place}: may not be written; name another place for the table")


def write_csv(predictions: Iterable[Prediction], labels: Sequence[str], path: Path | str) -> None:
    """Write one row for each recording and one for each of its frames, as CSV, whole or not at all.

    Columns are ``recording``, ``part`` ("overall" or "frame"), ``start`` and ``end`` in seconds, ``label``, and
    ``score_LABEL`` for each label. A recording's frames follow its overall row.

    Args:
        predictions: of one recogniser.
        labels: its classes.
        path: the file; an older one is replaced.
    """
    # A file's name is bytes, and need not be UTF-8: then these bytes stand in the table.
    with (
        atomic_path(Path(path)) as draft,
        draft.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["recording", "part", "start", "end", "label", *(f"score_{label}" for label in labels)])
        for prediction in predictions:
            writer.writerows(_rows(prediction, labels))


def _rows(prediction: Prediction, labels: Sequence[str]) -> Iterator[list[str]]:
    first, last = prediction.frames[0].start, prediction.frames[-1].end
    parts = [("overall", first, last, prediction.label, prediction.scores)]
    parts += [("frame", frame.start, frame.end, frame.label, frame.scores) for frame in prediction.frames]
    for part, start, end, label, scores in parts:
        named = [f"{scores[name]:.6f}" for name in labels]
        yield [prediction.path, part, f"{start:.3f}", f"{end:.3f}", label, *named]
