"""The paper's recipe as a study for as long as there is time: what is finished then, and how far the rest came."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from hamiltone.records import RECORD, read_record

RECIPE = Path(__file__).with_name("recipe.toml")
_LOG = "log.txt"


def run_recipe(
    files: Path, work: Path, seconds: float, *, workers: int, study: Path = RECIPE, overrides: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Run the study below ``work`` and end it in time.

    Returns:
        For each run, by folder: its results, or the last line of its log.
    """
    command = [sys.executable, "-m", "hamiltone", "study", "run", str(study), *overrides]
    command += ["--out", str(work), "--workers", str(workers), "--quiet"]
    environment = os.environ | {"HAMILTONE_DATA": str(files.resolve())}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    return {folder.name: _told(folder) for folder in sorted((work / "runs").glob("*")) if folder.is_dir()}


def _told(folder: Path) -> dict[str, Any]:
    if not (folder / RECORD).is_file():
        log = folder / _LOG
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
        return {"unfinished": lines[-1] if lines else "not begun"}
    record = read_record(folder)
    told: dict[str, Any] = {
        "task": record.task,
        "method": record.method,
        "layers": list(record.layers),
        "epochs": len(record.epochs),
        "best_epoch": record.best_epoch,
        "stopped": record.stopped,
        "seconds_per_epoch": record.resources.seconds_per_epoch,
        "peak_memory_mib": record.resources.peak_memory_bytes / 2**20,
        "device": record.resources.device,
    }
    if record.test is not None:
        told |= {"clips": record.test.clips, "speakers": record.test.speakers}
        told |= {"accuracy": record.test.accuracy.value, "uar": record.test.uar.value, "chance": record.test.chance}
    return told
