"""What is asked of predict: seen to go together before anything is computed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hamiltone.cli._prediction_formats import Format, check_annotations

if TYPE_CHECKING:
    from hamiltone.service import Segment


def one_format(form: Format | None, as_json: bool) -> Format:
    """The format that is asked for."""
    from hamiltone.service import ServiceError

    if as_json and form not in (None, Format.JSON):
        raise ServiceError(f"--json and --format {form} ask for two formats: give one")
    return Format.JSON if as_json else form or Format.TABLE


def check_request(paths: Sequence[Path], form: Format, out: Path | None, live: bool, *, of_files: bool) -> None:
    """Refuse what does not go together; ``of_files``: something is asked for that files alone have."""
    from hamiltone.service import ANNOTATIONS, ServiceError, check_place

    if live and (paths or of_files or form not in (Format.TABLE, Format.JSONL)):
        raise ServiceError(
            "--live hears the microphone alone, and prints a table or --format jsonl: "
            "it goes without recordings, --csv, --segments and --same-speaker"
        )
    if not live and not paths:
        raise ServiceError("predict what? name recordings or folders, - for the standard input, or --live")
    if out is not None and form not in ANNOTATIONS:
        raise ServiceError(f"--out DIR is for --format {', '.join(ANNOTATIONS)}; a table goes to --csv FILE")
    if out is not None and out.is_file():
        raise ServiceError(f"--out {out}: is a file; name a folder for labels over time")
    if out is not None:
        check_place(out / "labels", named=out)


def speakers_of(
    paths: Sequence[Path], column: str | None, *, by_voice: bool, alone: bool
) -> dict[str, list[Path]] | None:
    """The recordings of each speaker, as a table names them; None where no column is named."""
    from hamiltone.service import ServiceError, recordings_by_speaker

    if by_voice and (column is not None or not alone):
        raise ServiceError(
            "--by-voice finds who speaks: it goes without --same-speaker, --speaker-column, --segments and --live"
        )
    if column is None:
        return None
    if len(paths) != 1 or not alone:
        raise ServiceError("--speaker-column takes one table, and goes without --same-speaker, --segments and --live")
    return recordings_by_speaker(paths[0], column)


def check_one_voice(ranges: "Mapping[Path, Sequence[Segment]] | None") -> None:
    """Refuse segments of several people where all is to be of one."""
    from hamiltone.service import ServiceError

    speakers = {segment.speaker for its in (ranges or {}).values() for segment in its if segment.speaker}
    if len(speakers) > 1:
        told = ", ".join(sorted(speakers)[:5])
        raise ServiceError(f"--same-speaker: the segments are of {len(speakers)} speakers ({told}); take those of one")


def check_outputs(csv: Path | None, form: Format, out: Path | None, names: Sequence[str], read: Sequence[Path]) -> None:
    """See that tables and labels over time can be written, and that nothing that is read would be lost.

    Args:
        csv: the table that is asked for.
        form: how predictions are printed.
        out: the folder of labels over time.
        names: of the recordings, as results call them.
        read: the files that are read.
    """
    from hamiltone.service import check_csv_path

    if csv is not None:
        check_csv_path(csv, read)
    check_annotations(names, form, out, read)
