"""Studies: many runs that rest on one another, planned from one small file and carried out anywhere.

study = read_study("configs/study/quickstart.toml")
run_study(study, Path("runs/study"), LocalExecutor(Path("runs/study"), workers=2))
"""

from ._errors import StudyError
from ._executors import Executor, LocalExecutor, local_workers, ray_executor
from ._jobs import Job, Outcome
from ._plan import Group, Plan
from ._quickstart import run_quickstart
from ._run import Result, plan_study, run_study
from ._settings import Study, read_study

__all__ = [
    "Executor",
    "Group",
    "Job",
    "LocalExecutor",
    "Outcome",
    "Plan",
    "Result",
    "Study",
    "StudyError",
    "local_workers",
    "plan_study",
    "ray_executor",
    "read_study",
    "run_quickstart",
    "run_study",
]
