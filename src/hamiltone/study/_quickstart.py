"""The whole method, small, as a study that comes with the package (``quickstart.toml``)."""

from pathlib import Path

from hamiltone.records import read_record

from ._errors import StudyError
from ._executors import LocalExecutor, local_workers
from ._run import plan_study, run_study
from ._settings import read_study

_STUDY = Path(__file__).with_name("quickstart.toml")


def run_quickstart(out: Path, *, quiet: bool = False) -> str:
    """Carry out the eight runs below ``out``; finished ones are not done again.

    Returns:
        What must be said beside every result: the voices are synthetic.

    Raises:
        StudyError: a run failed; with its reason.
    """
    study = read_study(_STUDY)
    executor = LocalExecutor(out, local_workers(study))
    result = run_study(study, out, executor, command=f"hamiltone quickstart --out {out}", quiet=quiet)
    for folder, reason in result.failed.items():
        raise StudyError(f"{out / folder}: {reason}")
    first = plan_study(study, out).graph.nodes[0]
    note = read_record(out / first.folder).corpus.note
    return f"Embedded corpus: {note}. It shows that the method runs, not how well people are understood."
