"""The whole method, small, as a study that comes with the package (``quickstart.toml``)."""

import math
from collections.abc import Sequence
from pathlib import Path

from hamiltone.records import read_record

from ._errors import StudyError
from ._executors import LocalExecutor, local_workers
from ._run import plan_study, run_study
from ._settings import read_study

_CLEARLY = 3  # standard errors of what is right by chance


def run_quickstart(out: Path, *, command: str = "", quiet: bool = False) -> str:
    """Carry out the eight runs below ``out``; finished ones are not done again.

    Returns:
        What must be said beside every result: the voices are synthetic.

    Raises:
        StudyError: a run failed, with its reason, or recognises nothing on unseen clips.
    """
    study = read_study("quickstart")
    executor = LocalExecutor(out, local_workers(study))
    result = run_study(study, out, executor, command=command, quiet=quiet)
    for folder, reason in result.failed.items():
        raise StudyError(f"{out / folder}: {reason}")
    folders = [out / node.folder for node in plan_study(study, out).graph.nodes]
    refuse_chance(folders)
    note = read_record(folders[0]).corpus.note
    return f"Embedded corpus: {note}. It shows that the method runs, not how well people are understood."


def refuse_chance(folders: Sequence[Path]) -> None:
    """See that each of some runs that recognise anything is right more often than by chance on its test part.

    Raises:
        StudyError: one is not.
    """
    for folder in folders:
        if (test := read_record(folder).test) is None:
            continue
        error = math.sqrt(test.chance * (1 - test.chance) / test.clips)
        if test.accuracy.value < test.chance + _CLEARLY * error:
            raise StudyError(
                f"{folder}: right on {100 * test.accuracy.value:.1f} % of {test.clips} unseen clips, no better than "
                f"chance ({100 * test.chance:.1f} %); `hamiltone report {folder}` shows how it was trained"
            )
