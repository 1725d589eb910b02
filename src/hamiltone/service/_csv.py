"""The CSV table of predictions."""

import csv
import io
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from hamiltone.files import atomic_write

from ._errors import ServiceError
from ._places import check_not_read, check_place, file_mode
from ._prediction import Prediction

_DEVICES = (Path("/dev"), Path("/dev/fd"))


def check_csv_path(path: Path, read: Iterable[Path]) -> None:
    """See, before anything is computed, that a table may be written there, and is none of the files that are read.

    Raises:
        ServiceError: a folder, a device, one of the files that are read, or a place that may not be written.
    """
    if path == Path("-"):
        raise ServiceError("--csv -: takes a file; --format csv prints the table")
    mode = file_mode(path)
    if stat.S_ISDIR(mode):
        raise ServiceError(f"{path}: is a folder; name a file for the table, as {path / 'scores.csv'}")
    check_not_read([path], read)
    # A pipe of the shell leads to no path, and a device is no file, whatever it leads to.
    if (mode and not stat.S_ISREG(mode)) or path.absolute().parent in _DEVICES:
        raise ServiceError(f"{path}: is a device or a pipe, and no file; name a file for the table")
    check_place(path)


def write_csv(predictions: Iterable[Prediction], labels: Sequence[str], path: Path | str) -> None:
    """Write predictions as CSV, whole or not at all; see ``csv_text``.

    Args:
        predictions: of one recogniser.
        labels: its classes.
        path: the file; an older one is replaced.
    """
    # A file's name is bytes, and need not be UTF-8: then these bytes stand in the table.
    atomic_write(Path(path), csv_text(predictions, labels).encode(errors="surrogateescape"))


def csv_text(predictions: Iterable[Prediction], labels: Sequence[str]) -> str:
    """One row for each recording (or segment) and one for each of its windows, as CSV.

    Columns are ``recording``, ``speaker``, ``part`` ("overall" or "frame"), ``start`` and ``end`` in seconds,
    ``label``, ``score_LABEL`` for each label, and ``notes``. Windows follow their overall row. The page saves the same.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    scores = [f"score_{label}" for label in labels]
    writer.writerow(["recording", "speaker", "part", "start", "end", "label", *scores, "notes"])
    for each in predictions:
        for part, row in [("overall", each), *(("frame", frame) for frame in each.frames)]:
            times = f"{row.start:.3f}", f"{row.end:.3f}"
            named = [f"{row.scores[label]:.6f}" for label in labels]
            notes = "; ".join(each.notes) if part == "overall" else ""
            writer.writerow([each.path, each.speaker or "", part, *times, row.label, *named, notes])
    return text.getvalue()
