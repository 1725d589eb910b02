"""Studies: many runs that rest on one another, planned from one small file and carried out anywhere.

study = read_study("configs/study/quickstart.toml")
run_study(study, Path("runs/study"), LocalExecutor(Path("runs/study"), workers=2))
"""

from ._errors import StudyError
from ._executors import Executor, LocalExecutor, local_workers, ray_executor, usable_cores
from ._job import Job, Outcome
from ._join import join_studies
from ._quickstart import run_quickstart
from ._run import Result, plan_study, run_study
from ._settings import Study, read_study
from ._status import Group, StudyStatus
from ._throughput import ASSUMPTION

__all__ = [
    "ASSUMPTION",
    "Executor",
    "Group",
    "Job",
    "LocalExecutor",
    "Outcome",
    "Result",
    "Study",
    "StudyError",
    "StudyStatus",
    "join_studies",
    "local_workers",
    "plan_study",
    "ray_executor",
    "read_study",
    "run_quickstart",
    "run_study",
    "usable_cores",
]
