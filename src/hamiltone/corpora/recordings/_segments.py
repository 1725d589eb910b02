"""Segments of recordings, and the content keys of recordings."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float32

from hamiltone.audio import load_audio
from hamiltone.files import file_key

from ..utterances import CorpusError, Report, Utterances


class Segment(NamedTuple):
    """What an utterance is of its recording, in seconds; None: the recording's own bound."""

    path: str
    start: float | None
    end: float | None

    def load(self) -> Float32[np.ndarray, " sample"]:
        """Its waveform at 16 kHz.

        Raises:
            AudioError: the recording cannot be decoded, or has no such segment.
        """
        return load_audio(self.path, start=self.start, end=self.end)


def segments_of(utterances: Utterances) -> list[Segment]:
    """The segment of each utterance."""
    columns = [utterances.table[name].tolist() for name in ("path", "start", "end")]
    return [
        Segment(path, None if pd.isna(start) else start, None if pd.isna(end) else end)
        for path, start, end in zip(*columns, strict=True)
    ]


def recording_keys(paths: Iterable[str], report: Report | None = None) -> dict[str, str]:
    """Path -> the key of the file's content, of each recording once.

    Raises:
        CorpusError: a recording is missing or cannot be read.
    """
    keys: dict[str, str] = {}
    wanted = list(dict.fromkeys(paths))
    for number, path in enumerate(wanted, start=1):
        try:
            keys[path] = file_key(Path(path))
        except OSError as error:
            raise CorpusError(f"{path} cannot be read ({error.strerror}): restore the recording") from error
        if report is not None:
            report("looking at recordings", number, len(wanted))
    return keys
