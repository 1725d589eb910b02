"""Folders of runs: how the run that lies in one differs from the run that is asked for, and how to make way for it."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hamiltone.files import remove_leftovers, remove_leftovers_within
from hamiltone.records import HEARD, MODEL, PREDICTIONS, PROBE, RECORD, SETTINGS, SPLIT
from hamiltone.settings import dotted

from ._errors import TrainingError
from ._tracking import TRACKED

CHECKPOINT = "checkpoint"
_MOST_TOLD = 5
_OF_NO_RUN = ("name", "out", "training.checkpoint_seconds", "anti_transfer.stored_layers", "corpus.root")


def refuse_occupied(out: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Say that a folder holds another run, and which settings, or else versions, differ.

    Args:
        out: the folder.
        theirs: ``settings`` and ``versions`` of the run that it holds; empty where they are not known.
        ours: those of the run that is asked for.

    Raises:
        TrainingError: always.
    """
    told = []
    for what in ("settings", "versions") if theirs else ():
        before, now = (dict(dotted(run[what])) for run in (theirs, ours))
        told += [
            f"{key} is {_shown(before, key)} there and {_shown(now, key)} here"
            for key in sorted({*before, *now})
            if key not in _OF_NO_RUN and not key.startswith("tracking.") and before.get(key) != now.get(key)
        ]
        if told:
            break
    more = [f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
    differs = "; ".join([*told[:_MOST_TOLD], *more]) or "other recordings, labels or split, or runs that it rests on"
    raise TrainingError(
        f"{out}: holds another run ({differs}); give this one its own folder (out=...), "
        "or put it in the other's place (--overwrite)"
    )


def clear(out: Path) -> None:
    """Remove the run that lies in a folder, and nothing else; its record first, which says that it is complete."""
    for name in (RECORD, PREDICTIONS, PROBE, SETTINGS, SPLIT, HEARD, TRACKED):
        (out / name).unlink(missing_ok=True)
    for name in (MODEL, CHECKPOINT):
        if (out / name).is_dir():
            shutil.rmtree(out / name)


def tidy(out: Path) -> None:
    """Remove what killed writers of a run have left in its folder; for whoever holds the run's lock."""
    for name in (MODEL, PREDICTIONS, SETTINGS, SPLIT, HEARD, RECORD):
        remove_leftovers(out / name)
    remove_leftovers_within(out / CHECKPOINT)


def _shown(content: Mapping[str, Any], key: str) -> str:
    return repr(content[key]) if key in content else "not told"
