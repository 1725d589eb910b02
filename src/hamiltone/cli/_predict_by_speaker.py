"""Predictions by a recogniser that hears who speaks first."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hamiltone.cli._listening import listening

if TYPE_CHECKING:
    from hamiltone.audio import AudioError
    from hamiltone.service import Prediction, Predictor

Report = Callable[[Path, float], None]


def speaker_by_speaker(
    predictor: "Predictor", speakers: Mapping[str, list[Path]], hop: float, report: Report | None
) -> "Iterator[Prediction | AudioError]":
    """Recordings by a recogniser that heard all of their speaker; those under "" are of nobody known."""
    from hamiltone.audio import AudioError

    for speaker, recordings in speakers.items():
        its = adapted(predictor, recordings) if speaker else predictor
        for result in its.predict_all(recordings, hop=hop, report=report):
            yield result if isinstance(result, AudioError) else replace(result, speaker=speaker or None)


def adapted(predictor: "Predictor", recordings: list[Path], report: Report | None = None) -> "Predictor":
    """The recogniser that heard all recordings of a speaker; what cannot be used is told when its turn comes."""
    from hamiltone.service import ServiceError

    bad: list[AudioError] = []
    try:
        return predictor.adapt(recordings, report=report, fault=bad.append)
    except ServiceError:
        if len(bad) < len(recordings):
            raise
        return predictor


def of_one_voice(
    predictor: "Predictor", recordings: list[Path], remark: Callable[[str], None], *, quiet: bool
) -> "Predictor":
    """The recogniser that heard all recordings, which are of one person; a remark where they are few."""
    from hamiltone.service import FEWEST_OF_A_VOICE

    if len(recordings) < FEWEST_OF_A_VOICE:
        told = "one recording tells" if len(recordings) == 1 else f"{len(recordings)} recordings tell"
        remark(f"--same-speaker: {told} little of how a voice sounds in other moods; give a dozen or more, of several")
    with listening(recordings, quiet=quiet) as report:
        return adapted(predictor, recordings, report)


def by_their_voices(recordings: list[Path], remark: Callable[[str], None], *, quiet: bool) -> dict[str, list[Path]]:
    """The recordings of each voice that is found, and a remark on how many there are."""
    from hamiltone.service import FEWEST_OF_A_VOICE, recordings_by_voice

    with listening(recordings, quiet=quiet) as report:
        found = recordings_by_voice(recordings, report=report)
    of_nobody = len(found.get("", ()))
    told = f"; {of_nobody} are of none (fewer than {FEWEST_OF_A_VOICE} sound alike) and heard as they are"
    remark(f"{len(found) - ('' in found)} voices found in {len(recordings)} recordings{told if of_nobody else ''}")
    return found
