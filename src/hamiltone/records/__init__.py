"""Records: what runs, evaluations, probes and studies leave, each by one class that writes and reads it. Without torch.

record = read_record(Path("runs/baseline"))
record.test.uar.value
"""

from ._content import Content, File, RecordError
from ._heard import HEARD, heard_folder, heard_of, joined_heard, namesakes, read_heard, write_heard
from ._methods import METHOD_NAMES, METHODS, ORTHOGONAL_TASKS, Letters, Method, OrthogonalTask, task_letter
from ._predictions import PREDICTIONS, predictions_table, read_predictions, write_predictions
from ._probe import PROBE, Probe, ProbeHeading, ProbeLayer, ProbeTarget
from ._run import (
    RECORD,
    CorpusFacts,
    Epoch,
    EvaluatedSplit,
    Evaluation,
    EvaluationRecord,
    PartSize,
    Reconstruction,
    Resources,
    RunRecord,
    Score,
    SplitFacts,
    SplitHeading,
    read_record,
    split_heading,
)
from ._study import FAILURE, PLANS, Condition, Failure, PlannedRun, RunKind, StudyPlan, find_plan
from ._versions import extension_keys, versions

MODEL, SETTINGS, SPLIT = "model", "settings.toml", "split.json"
"""What else lies in a run's folder: the saved model, its settings, its split."""

__all__ = [
    "FAILURE",
    "HEARD",
    "METHODS",
    "METHOD_NAMES",
    "MODEL",
    "ORTHOGONAL_TASKS",
    "PLANS",
    "PREDICTIONS",
    "PROBE",
    "RECORD",
    "SETTINGS",
    "SPLIT",
    "Condition",
    "Content",
    "CorpusFacts",
    "Epoch",
    "EvaluatedSplit",
    "Evaluation",
    "EvaluationRecord",
    "Failure",
    "File",
    "Letters",
    "Method",
    "OrthogonalTask",
    "PartSize",
    "PlannedRun",
    "Probe",
    "ProbeHeading",
    "ProbeLayer",
    "ProbeTarget",
    "Reconstruction",
    "RecordError",
    "Resources",
    "RunKind",
    "RunRecord",
    "Score",
    "SplitFacts",
    "SplitHeading",
    "StudyPlan",
    "extension_keys",
    "find_plan",
    "heard_folder",
    "heard_of",
    "joined_heard",
    "namesakes",
    "predictions_table",
    "read_heard",
    "read_predictions",
    "read_record",
    "split_heading",
    "task_letter",
    "versions",
    "write_heard",
    "write_predictions",
]
