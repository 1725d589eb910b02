"""The verb that hears recordings: predict."""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from hamiltone.cli._app import app
from hamiltone.cli._listening import listening
from hamiltone.cli._options import Json, Quiet
from hamiltone.cli._predict_by_speaker import by_their_voices, of_one_voice, speaker_by_speaker
from hamiltone.cli._predict_request import check_one_voice, check_outputs, check_request, one_format, speakers_of
from hamiltone.cli._prediction_formats import Format, print_as
from hamiltone.cli._prediction_text import rolling_line
from hamiltone.cli._printing import tell_licence

if TYPE_CHECKING:
    from hamiltone.audio import AudioError
    from hamiltone.service import Prediction, Predictor, Segment

STANDARD_INPUT = Path("-")
_ITS_NAME = "standard input"


_Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH...",
        help="Recordings of any length and format, or folders of them; - is the standard input.",
        readable=False,
    ),
]
_Model = Annotated[
    Path | None,
    typer.Option("--model", help="Folder of a saved model, as RUN/model; or the package's four or eight."),
]
_Hop = Annotated[
    float,
    typer.Option("--hop", min=0.5, max=4, help="Seconds from one window of 4 s to the next, over time; 4 is quickest."),
]
_Form = Annotated[
    Format | None,
    typer.Option(
        "--format", help="What is printed (a table, if not told); audacity, textgrid and srt are labels over time."
    ),
]
_Csv = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write a table, too: overall, and window by window.")
]
_Segments = Annotated[
    Path | None,
    typer.Option("--segments", metavar="FILE", help="Ranges to score: RTTM, or a table of start, end, speaker."),
]
_Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="For labels over time: a file for each recording, in this folder."),
]
_SameSpeaker = Annotated[
    bool,
    typer.Option(
        "--same-speaker",
        help="All recordings are of one person: hear them first, to be right more often. Results then rest on all.",
    ),
]
_SpeakerColumn = Annotated[
    str | None,
    typer.Option(
        "--speaker-column",
        metavar="NAME",
        help="PATH is a table of recordings (column path); this column says who speaks: --same-speaker for each.",
    ),
]
_ByVoice = Annotated[
    bool,
    typer.Option(
        "--by-voice",
        help="Of several people whom nobody has named: group the recordings by voice, and --same-speaker for each.",
    ),
]
_Only = Annotated[
    str | None,
    typer.Option("--only", metavar="A,B", help="Choose from these emotions alone; their scores then sum to 1."),
]
_Device = Annotated[str, typer.Option("--device", help="Where to compute: cpu, cuda, cuda:1, mps, or auto.")]
_Live = Annotated[bool, typer.Option("--live", help="Hear the microphone, until Ctrl+C.")]


@app.command()
def predict(
    paths: _Paths = None,
    model: _Model = None,
    hop: _Hop = 1.0,
    as_json: Json = False,
    form: _Form = None,
    csv: _Csv = None,
    segments: _Segments = None,
    out: _Out = None,
    same_speaker: _SameSpeaker = False,
    speaker_column: _SpeakerColumn = None,
    by_voice: _ByVoice = False,
    live: _Live = False,
    only: _Only = None,
    device: _Device = "cpu",
    quiet: Quiet = False,
) -> None:
    """Name the emotion of recordings. A bad file is one line, the others go on, and the exit code is 2."""
    from hamiltone.service import Predictor, find_recordings, model_folder, read_segments, write_csv

    form = one_format(form, as_json)
    check_request(
        paths := paths or [], form, out, live, of_files=csv is not None or segments is not None or same_speaker
    )
    by_speaker = speakers_of(paths, speaker_column, by_voice=by_voice, alone=not (same_speaker or live or segments))
    folder = model_folder(model)
    faults = _Faults()
    with _spooled(paths) as (files, named):
        recordings = [path for its in (by_speaker or {}).values() for path in its] or find_recordings(
            files, unreadable=faults.tell, remark=_remark(quiet)
        )
        names = [named(str(path)) for path in recordings]
        check_outputs(csv, form, out, names, [*recordings, *files, *filter(None, [segments])])
        ranges = None if segments is None else read_segments(segments, recordings, unnamed=faults.tell)
        chosen = None if only is None else [name.strip() for name in only.split(",")]
        predictor = Predictor(folder, device=device, only=chosen)
        tell_licence(folder, quiet=quiet)
        _remark(quiet or not predictor.note)(predictor.note)  # once here, and in each result
        if live:
            _hear_microphone(predictor, hop, form)
            return
        if same_speaker:
            check_one_voice(ranges)
            predictor = of_one_voice(predictor, recordings, _remark(quiet or ranges is not None), quiet=quiet)
        if by_voice:
            by_speaker = by_their_voices(recordings, _remark(quiet), quiet=quiet)
        with listening(recordings, quiet=quiet) as report:
            if by_speaker is not None:
                results = speaker_by_speaker(predictor, by_speaker, hop, report)
            elif ranges is not None:
                results = _range_by_range(predictor, ranges, hop, report)
            else:
                results = predictor.predict_all(recordings, hop=hop, report=report)
            predictions = list(_told(results, faults, named, form, predictor, quiet=quiet))
    if csv is not None:  # first: who reads the rest may stop reading
        write_csv(predictions, predictor.recognizer.labels, csv)
    print_as(predictions, names, form, out, alone=len(recordings) == 1 and ranges is None)
    if faults.count:
        raise typer.Exit(2)


class _Faults:
    """What went wrong so far: told at once, and counted."""

    count = 0

    def tell(self, fault: object) -> None:
        self.count += 1
        print(f"hamiltone: {fault}", file=sys.stderr)


def _remark(quiet: bool) -> Callable[[str], None]:
    return lambda line: None if quiet else print(f"note: {line}", file=sys.stderr)


def _range_by_range(
    predictor: "Predictor",
    ranges: "Mapping[Path, Sequence[Segment]]",
    hop: float,
    report: "Callable[[Path, float], None] | None",
) -> "Iterator[Prediction | AudioError]":
    """Segments, each by itself."""
    for path, its in ranges.items():
        yield from predictor.predict_segments(path, its, hop=hop, report=report)


@contextmanager
def _spooled(paths: list[Path]) -> Iterator[tuple[list[Path], Callable[[str], str]]]:
    """The standard input as a file while it is needed, and what gives it its name in texts."""
    from hamiltone.service import ServiceError

    if STANDARD_INPUT not in paths:
        yield paths, str
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise ServiceError("-: nothing comes in; send a recording, as: hamiltone predict - < talk.mp3")
    with TemporaryDirectory(prefix="hamiltone-") as folder:
        file = Path(folder) / "recording"
        with file.open("wb") as whole:
            shutil.copyfileobj(sys.stdin.buffer, whole)
        files = [file if path == STANDARD_INPUT else path for path in paths]
        yield files, lambda text: text.replace(str(file), _ITS_NAME)


def _told(
    results: "Iterable[Prediction | AudioError]",
    faults: _Faults,
    named: Callable[[str], str],
    form: Format,
    predictor: "Predictor",
    *,
    quiet: bool,
) -> "Iterator[Prediction]":
    """The predictions, with faults and notes told, and lines and rows printed, as they come."""
    from hamiltone.audio import AudioError
    from hamiltone.service import csv_text

    labels = predictor.recognizer.labels
    if form is Format.CSV:
        print(csv_text((), labels), end="")
    for result in results:
        if isinstance(result, AudioError):
            faults.tell(named(str(result)))
            continue
        prediction = replace(result, path=named(result.path))
        if form is Format.JSONL:
            print(json.dumps(prediction.as_json()), flush=True)
        elif form is Format.CSV:
            print(csv_text([prediction], labels).partition("\n")[2], end="", flush=True)
        for note in () if quiet else (note for note in prediction.notes if note != predictor.note):
            place = f", from {prediction.start:g} s on" if prediction.start else ""
            print(f"note: {prediction.path}{place}: {note}", file=sys.stderr)
        yield prediction


def _hear_microphone(predictor: "Predictor", hop: float, form: Format) -> None:
    from hamiltone.audio import AudioError
    from hamiltone.service import listen

    rolling = form is Format.TABLE and sys.stdout.isatty()
    try:
        for result in listen(predictor, hop=hop):
            if isinstance(result, AudioError):
                line = "" if form is Format.JSONL else f"{'':9}  silent"
            else:
                line = json.dumps(result.as_json()) if form is Format.JSONL else rolling_line(result)
            if line:
                print(f"\r\033[K{line}" if rolling else line, end="" if rolling else "\n", flush=True)
    except KeyboardInterrupt:  # which is how it ends
        if rolling:
            print()
