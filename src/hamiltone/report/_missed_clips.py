"""Clips that every method gets wrong: often the labels or the recordings are at fault, not the methods."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ._runs import Run


@dataclass(frozen=True)
class MissedClip:
    """A clip and what each run takes it for, with the score of that class where it is known."""

    utterance: str
    speaker: str
    truth: str
    answers: tuple[tuple[str, float | None], ...]


@dataclass(frozen=True)
class MissedClips:
    """The clips that all runs with one and the same test set get wrong, the hardest first.

    Attributes:
        test_set: the corpus and the kind of split.
        runs: the runs' labels, in the order of each clip's answers.
        clips: how many clips all of them were tested on.
        missed: the clips that all get wrong, by the mean score of the true class, rising.
    """

    test_set: str
    runs: tuple[str, ...]
    clips: int
    missed: tuple[MissedClip, ...]


def clips_missed_by_all(runs: Sequence[Run]) -> list[MissedClips]:
    """One entry per test set (corpus and split) that at least two runs were tested on."""
    test_sets: dict[tuple[str, str, str], list[tuple[Run, pd.DataFrame]]] = {}
    for run in runs:
        if run.predictions is not None:
            split = run.record.split
            key = (run.record.corpus.name, split.kind, split.hash)
            test_sets.setdefault(key, []).append((run, run.predictions.drop_duplicates("utterance")))
    return [_missed(members) for members in test_sets.values() if len(members) > 1]


def _missed(members: Sequence[tuple[Run, pd.DataFrame]]) -> MissedClips:
    tables = [{row["utterance"]: row for row in table.to_dict("records")} for _, table in members]
    common = [utterance for utterance in tables[0] if all(utterance in table for table in tables[1:])]
    missed = []
    for utterance in common:
        rows = [table[utterance] for table in tables]
        if all(row["prediction"] != row["truth"] for row in rows):
            clip = MissedClip(
                utterance=utterance,
                speaker=rows[0]["speaker"],
                truth=rows[0]["truth"],
                answers=tuple((row["prediction"], row.get(f"score_{row['prediction']}")) for row in rows),
            )
            scores = [row[name] for row in rows if (name := f"score_{row['truth']}") in row]
            missed.append((sum(scores) / len(scores) if scores else 0.0, utterance, clip))
    missed.sort(key=lambda item: item[:2])
    record = members[0][0].record
    return MissedClips(
        test_set=f"{record.corpus.name}, {record.split.kind} split",
        runs=tuple(run.label for run, _ in members),
        clips=len(common),
        missed=tuple(clip for _, _, clip in missed),
    )
