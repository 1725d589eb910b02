"""From ``study run`` to ``report``, no file made by hand: every front, every depth, splits beyond the paper's."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hamiltone.records import Probe, read_record
from hamiltone.report import resource_rows, table1_rows, write_report
from hamiltone.settings import FRONTS, VGG_CONFIGURATIONS
from hamiltone.study import Executor, Job, Outcome, Study, run_study
from hamiltone.study._job import carry_out

NETWORKS = {"spectrogram-11": 11, "derivatives-13": 13, "rh-emo-16": 16, "derivatives-19": 19, "log-mel-11": 11}


class ThisProcess(Executor):
    """Carries out one job after another in this process, which is quicker for small ones than a process each."""

    side_by_side = 1

    def __init__(self, root: Path) -> None:
        self.root, self.ended = root.resolve(), dict[str, Outcome]()

    def has_room(self) -> bool:
        return not self.ended

    def start(self, job: Job) -> None:
        self.ended[job.folder] = carry_out(job, self.root)

    def wait(self, seconds: float) -> dict[str, Outcome]:
        ended, self.ended = self.ended, {}
        return ended

    def close(self) -> None:
        pass


def study(few: Path, **changes: Any) -> Study:
    own = {"corpus": {"name": "synthetic", "within": str(few)}, "split": {"fractions": [0.5, 0.25, 0.25]}}
    content: dict[str, Any] = {
        "name": "seams",
        "corpora": {"synthetic": {"within": str(few)}},
        "splits": [{"kind": "random", "fractions": [0.5, 0.25, 0.25]}],
        "methods": ["none", "S"],
        "layers": [2],
        "baselines": 1,
        "run": {
            "threads": 1,
            "device": "cpu",
            "leaks": "report",
            "front": {"scale": "decibel"},
            "network": {"algebra": "quaternion", "width": 1 / 16, "hidden": 16},
            "training": {"learning_rate": 1e-3, "epochs": 1, "batch": 16},
        },
        "rh-emo-2": {"rh_emo": {"beta": 0.01, "hidden": 16, "affect_table": "russell-mehrabian-1977"}},
        "speaker": own,
        "networks": {
            name: {"run": {"front": {"kind": name.rpartition("-")[0]}, "network": {"depth": depth}}}
            for name, depth in NETWORKS.items()
        },
    }
    content["networks"]["spectrogram-11"]["run"]["network"]["algebra"] = "real"
    return Study.model_validate(content | changes)


@pytest.fixture
def back() -> Iterator[None]:
    """Jobs work from the study's folder; afterwards all is where it was."""
    before = Path.cwd()
    yield
    os.chdir(before)


def carried_out(study: Study, out: Path) -> None:
    result = run_study(study, out, ThisProcess(out), command="a test", quiet=True)
    assert result.complete, result.failed


def test_every_front_and_every_depth_is_trained_probed_and_reported(few: Path, tmp_path: Path, back: None) -> None:
    assert {name.rpartition("-")[0] for name in NETWORKS} == set(FRONTS)
    assert set(NETWORKS.values()) == set(VGG_CONFIGURATIONS)
    carried_out(study(few), tmp_path)
    page = write_report(tmp_path).read_text()
    rows = table1_rows(tmp_path)
    assert {(row["Network"], row["AT"]) for row in rows} == {
        (name, method) for name in NETWORKS for method in ("none", "single S")
    }
    assert {row["Network"] for row in resource_rows(tmp_path)} == set(NETWORKS)
    for name in NETWORKS:
        assert name in page
    for path in tmp_path.glob("runs/*/probe.json"):
        record, probe = read_record(path.parent), Probe.read(path)
        assert probe.last_hidden == record.settings["network"]["depth"] - 2  # three layers of a VGG are linear


def test_splits_beyond_the_papers_are_reported(few: Path, tmp_path: Path, back: None) -> None:
    network = {"small": {"run": {"front": {"kind": "derivatives"}, "network": {"depth": 11}}}}
    splits = [{"kind": "stratified", "folds": 4}, {"kind": "leave-one-out"}]
    carried_out(study(few, splits=splits, methods=["none"], networks=network, probes=False), tmp_path)
    (row,) = table1_rows(tmp_path)
    assert {"Accuracy, stratified", "Accuracy, leave-one-out"} <= row.keys()
    assert "stratified" in write_report(tmp_path).read_text()
