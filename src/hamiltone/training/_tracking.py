"""Trackers: what a run tells TensorBoard, MLflow, Weights & Biases and trackio, through accelerate's own classes.

A tracker watches: whatever fails in one, for want of a network or of a disk, is a note, and the run goes on.
"""

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import PartialState
from accelerate.tracking import LOGGER_TYPE_TO_CLASS

from hamiltone.files import atomic_write
from hamiltone.records import Evaluation
from hamiltone.settings import RunSettings, dotted

from ._errors import TrainingError

TRACKED = "tracking.json"
"""The file of a run's folder that tells its runs in trackers, so that it goes on in the same ones."""


def check_trackers(settings: RunSettings) -> None:
    """See that the trackers that settings name are installed.

    Raises:
        TrainingError: one is not.
    """
    for name in settings.tracking.to:
        if find_spec(name) is None:
            raise TrainingError(f"tracking.to: {name} is not installed: pip install 'hamiltone[{name}]'")


class Tracking:
    """The trackers of one run.

    Args:
        settings: of the run.
        key: of the run.
        out: its folder.
        say: takes a line about the run.
    """

    def __init__(self, settings: RunSettings, key: str, out: Path, say: Callable[[str], None]) -> None:
        self._settings, self._key, self._out, self._say = settings, key, out, say
        self._trackers: dict[str, Any] = {}
        self._seen: dict[str, str] = {}
        if not settings.tracking.to:
            return
        file = out / TRACKED
        told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        self._seen = told["runs"] if told.get("run") == key else {}
        for name in settings.tracking.to:
            self._trackers[name] = None
            self._ask(name, lambda _, name=name: self._start(name))
        atomic_write(file, json.dumps({"run": key, "runs": self._seen}) + "\n")

    def epoch(self, epoch: Mapping[str, Any]) -> None:
        """Losses and measures of an epoch that is done."""
        values = {f"{part}/{name}": value for part in ("train", "validation") for name, value in epoch[part].items()}
        self._ask_all(lambda tracker: tracker.log(values, step=epoch["epoch"]))

    def results(self, results: Mapping[str, Any], best_epoch: int) -> None:
        """What was measured at the end, and the confusion matrix of the test part as a picture; the trackers end."""
        for part, found in results.items():
            if isinstance(found, Evaluation):
                scores = {name: getattr(found, name).value for name in ("accuracy", "uar", "macro_f1")}
                values = {f"{part}/final_{name}": value for name, value in scores.items()}
                self._ask_all(lambda tracker, values=values: tracker.log(values, step=best_epoch))
        if self._trackers and isinstance(test := results.get("test"), Evaluation):
            figure = _confusion(test)
            self._ask_all(lambda tracker: _show(tracker, figure, best_epoch))
        self._ask_all(lambda tracker: tracker.finish())

    def _ask_all(self, ask: Callable[[Any], None]) -> None:
        for name in list(self._trackers):
            self._ask(name, ask)

    def _ask(self, name: str, ask: Callable[[Any], None]) -> None:
        try:
            ask(self._trackers[name])
        except Exception as error:  # whatever a tracker's client raises
            del self._trackers[name]
            reason = " ".join(str(error).split()) or type(error).__name__
            self._say(f"note: {name} is told nothing more: {reason[:300]}")

    def _start(self, name: str) -> None:
        run, project = self._settings.name, self._settings.tracking.project
        seen = self._seen.get(name)
        kind = LOGGER_TYPE_TO_CLASS[name]
        PartialState()  # accelerate's trackers ask it, and those of all processes do not make it
        if name == "tensorboard":
            tracker = kind("tensorboard", self._out)
        elif name == "mlflow":
            tracker = kind(experiment_name=project, run_name=run, run_id=seen)
        elif name == "wandb":
            tracker = kind(project, name=run, id=self._key[:16], resume="allow", dir=str(self._out))
        else:
            tracker = kind(project, name=run, resume="allow")
        tracker.start()
        self._trackers[name] = tracker
        if seen is None:
            told = dotted(self._settings.model_dump(mode="json"))
            flat = {key: str(value) for key, value in told if value is not None}
            if name == "tensorboard":  # its table of parameters would be a run of its own
                tracker.log({"settings": "".join(f"    {key} = {value}\n" for key, value in flat.items())}, step=0)
            else:
                tracker.store_init_configuration(flat)
        self._seen[name] = tracker.tracker.info.run_id if name == "mlflow" else self._key[:16]


def _show(tracker: Any, figure: Any, step: int) -> None:
    picture = np.asarray(figure.canvas.buffer_rgba())[None, ..., :3]
    if tracker.name == "tensorboard":
        tracker.log_images({"confusion": picture}, step=step, dataformats="NHWC")
    elif tracker.name == "wandb":
        tracker.log_images({"confusion": list(picture)}, step=step)
    elif tracker.name == "mlflow":
        tracker.log_figure(figure, "confusion.png")


def _confusion(test: Evaluation) -> Any:
    """A figure that is drawn: rows are true classes, shades are shares of them, numbers are clips."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow, and seldom needed
    from matplotlib.figure import Figure  # noqa: PLC0415

    counts = np.array(test.confusion)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 1.6 + 0.55 * len(test.labels)
    figure = Figure(figsize=(side, side), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    for row, column in np.ndindex(*counts.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(test.labels)), test.labels, rotation=90)
    axes.set_yticks(range(len(test.labels)), test.labels)
    axes.set(xlabel="predicted", ylabel="true", title=f"test: UAR {100 * test.uar.value:.1f} %")
    FigureCanvasAgg(figure).draw()
    return figure
