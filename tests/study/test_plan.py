"""Estimates come from runs that are alike; what most rests upon goes first."""

from pathlib import Path

import pytest

from hamiltone.records import CorpusFacts, PartSize, Resources, RunRecord, SplitFacts, versions
from hamiltone.study import plan_study
from hamiltone.study._display import StudyDisplay
from hamiltone.study._graph import build_graph
from hamiltone.study._job import Outcome
from hamiltone.study._status import Estimate, longest_chain, status_of
from hamiltone.study._throughput import assumed_seconds

from .conftest import Make


def measure(out: Path, folder: str, seconds: float, memory: int) -> None:
    (out / folder).mkdir(parents=True)
    part = PartSize(clips=1, frames=1, speakers=1)
    resources = Resources(
        seconds_per_epoch=seconds / 2,
        epoch_seconds=(seconds / 2, seconds / 2),
        peak_memory_bytes=memory,
        device="cpu",
        processor="one",
        threads=1,
        processes=1,
        side_by_side=1,
    )
    record = RunRecord(
        hamiltone="0",
        run="x",
        name="run",
        task="emotion",
        settings={},
        settings_hash="",
        rests_on={},
        split=SplitFacts(kind="actor", hash="", protocol="", train=part, validation=part, test=part),
        corpus=CorpusFacts(name="synthetic", note=""),
        notes=(),
        labels=(),
        parameters={"trained": 1},
        epochs=(),
        best_epoch=1,
        stopped="epochs",
        resources=resources,
        versions={},
        command="",
    )
    record.write(out / folder / "record.json")


def test_a_run_is_estimated_from_the_most_alike_that_is_done(study_of: Make, tmp_path: Path) -> None:
    study = study_of(seeds=[0, 1], layers=[2, 3], methods=["none", "S"])
    graph = build_graph(study)
    found = {(node.cell.method, node.cell.layer, node.settings.seed): node.folder for node in graph.nodes if node.cell}
    measure(tmp_path, found["none", None, 0], seconds=10, memory=100)
    measure(tmp_path, found["single S", 2, 0], seconds=30, memory=300)
    plan = status_of(study, graph, tmp_path)
    assert plan.states[found["none", None, 0]] == "done"
    assert plan.estimates[found["none", None, 1]] == Estimate(10.0, 100)  # the same method
    assert plan.estimates[found["single S", 2, 1]] == Estimate(30.0, 300)
    assert plan.estimates[found["single S", 3, 0]] == Estimate(20.0, 300)  # the same network: median time, most memory
    (speaker,) = [node.folder for node in graph.nodes if node.kind == "speaker"]
    assert speaker not in plan.estimates
    assert plan.seconds_left() is None
    groups = {group.name: group for group in plan.groups()}
    assert groups["recogniser real, single S"].estimate == Estimate(20.0, 300)
    assert groups["recogniser real, single S"].states == {"done": 1, "open": 3}


def test_what_was_never_measured_goes_at_the_pace_of_what_is_done(study_of: Make, tmp_path: Path) -> None:
    study = study_of(methods=["none", "S"])
    graph = build_graph(study)
    assumed = {node.kind: assumed_seconds(node.settings, graph.clips[node.folder]) or 0.0 for node in graph.nodes}
    nothing = status_of(study, graph, tmp_path)
    assert nothing.assumed_seconds() == nothing.expected_seconds()
    (speaker,) = [node for node in graph.nodes if node.kind == "speaker"]
    measure(tmp_path, speaker.folder, seconds=3 * assumed["speaker"], memory=1)
    none = next(node for node in graph.nodes if node.cell and node.cell.method == "none")
    single = [node for node in graph.nodes if node.cell and node.cell.method != "none"]
    slow = status_of(study, graph, tmp_path)
    assert slow.expected_seconds() == pytest.approx(3 * assumed["recogniser"] * (1 + len(single)))
    assert nothing.expected_seconds() == pytest.approx(assumed["speaker"] + assumed["recogniser"] * (1 + len(single)))
    measure(tmp_path, none.folder, seconds=7.0, memory=1)
    assert status_of(study, graph, tmp_path).expected_seconds() == pytest.approx(7.0 * len(single))


def test_a_study_says_what_is_left_as_its_runs_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    display = StudyDisplay("mine", tmp_path, planned=3, done=0, quiet=False)
    for folder, left in (("a/one", 200.0), ("a/two", None)):
        display.started(folder)
        display.ended(folder, Outcome("done"), left)
    assert capsys.readouterr().err.splitlines() == ["1/3 one: done in 0 s; about 3 min left", "2/3 two: done in 0 s"]


def test_a_run_without_its_probe_is_not_done(study_of: Make, tmp_path: Path) -> None:
    study = study_of(methods=["none"], probes=True)
    (node,) = build_graph(study).nodes
    measure(tmp_path, node.folder, seconds=1, memory=1)
    assert plan_study(study, tmp_path).states == {node.folder: "open"}
    (tmp_path / node.folder / "probe.json").write_text("{}")
    assert plan_study(study, tmp_path).states == {node.folder: "done"}


def test_the_longest_chain_counts_what_rests_upon_a_run(study_of: Make) -> None:
    nodes = {node.cell.method if node.cell else node.kind: node for node in build_graph(study_of()).nodes}
    lengths = longest_chain(nodes.values(), {})
    chain = {name: lengths[node.folder] for name, node in nodes.items()}
    assert chain == {"none": 1, "speaker": 3, "word": 2, "single S": 2, "dual SW": 1}
    slow = longest_chain(nodes.values(), {nodes["dual SW"].folder: Estimate(50.0, 0)})
    assert slow[nodes["word"].folder] == 51.0


def test_another_version_of_a_library_is_another_run(study_of: Make, monkeypatch) -> None:
    before = {node.folder for node in build_graph(study_of()).nodes}
    monkeypatch.setattr("hamiltone.study._graph.versions", lambda: versions() | {"torch": "99"})
    assert before.isdisjoint(node.folder for node in build_graph(study_of()).nodes)
