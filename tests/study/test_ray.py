"""A study on a Ray cluster of several nodes (all of this machine), one of which is lost on the way."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hamiltone.study import LocalExecutor, Outcome, StudyError, ray_executor, run_study
from hamiltone.study._graph import build_graph

from .conftest import Make
from .test_run import records

pytest.importorskip("ray", reason="the extra ray is not installed")
# Ray itself leaves sockets and files open, and uses what its dependencies deprecate.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 100 << 20})
    yield cluster
    cluster.shutdown()


def test_a_study_loses_a_node_and_has_the_records_of_a_local_one(cluster: Any, study_of: Make, tmp_path: Path) -> None:
    study = study_of()
    local, far = tmp_path / "local", tmp_path / "far"
    run_study(study, local, LocalExecutor(local, workers=2), quiet=True)

    second = cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
    executor = ray_executor(far, cluster.address)
    lost: list[str] = []
    wait = executor.wait

    def wait_and_lose(seconds: float) -> dict[str, Outcome]:
        import ray

        running = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        checkpoints = list(far.glob("runs/*/checkpoint/state-*.safetensors"))
        if not lost and len(running) == 2 and checkpoints:
            cluster.remove_node(second, allow_graceful=False)
            lost.append(second.node_id)
        return wait(seconds)

    executor.wait = wait_and_lose
    result = run_study(study, far, executor, quiet=True)
    assert lost
    assert (result.planned, result.done, result.failed) == (5, 5, {})
    assert records(far) == records(local)
    for record in records(local):
        weights = [(folder / "runs" / record / "model" / "model.safetensors").read_bytes() for folder in (local, far)]
        assert weights[0] == weights[1]
    again = run_study(study, far, ray_executor(far, cluster.address), quiet=True)
    assert again.before == 5


def test_without_a_shared_folder_runs_come_through_the_object_store(
    cluster: Any, study_of: Make, tmp_path: Path
) -> None:
    study = study_of(methods=["none", "S"])
    executor = ray_executor(tmp_path / "out", cluster.address, ship=True)
    result = run_study(study, tmp_path / "out", executor, quiet=True)
    assert (result.done, result.failed) == (3, {})
    found = records(tmp_path / "out")
    assert sorted(record.get("method", "") for record in found.values()) == ["", "none", "single S"]
    broken = study_of(methods=["S"], recogniser={"anti_transfer": {"beta": 1e39}})
    kept = tmp_path / "out" / build_graph(broken).nodes[-1].folder / "kept.txt"
    kept.parent.mkdir()
    kept.write_text("of an earlier attempt")
    executor = ray_executor(tmp_path / "out", cluster.address, ship=True)
    result = run_study(broken, tmp_path / "out", executor, quiet=True)
    ((folder, reason),) = result.failed.items()
    assert "the training has diverged" in reason
    assert json.loads((tmp_path / "out" / folder / "failure.json").read_text())["reason"] == reason
    assert kept.parent == tmp_path / "out" / folder and kept.read_text() == "of an earlier attempt"


def test_a_run_that_no_machine_can_hold_and_a_cluster_that_is_not_there(
    cluster: Any, study_of: Make, tmp_path: Path
) -> None:
    executor = ray_executor(tmp_path, cluster.address)
    study = study_of(methods=["none"])
    large = study.model_copy(update={"run": study.run | {"threads": 64}})
    with pytest.raises(StudyError, match="asks for 64 cores; no machine"):
        run_study(large, tmp_path, executor, quiet=True)
    with pytest.raises(StudyError, match="no Ray cluster answers there"):
        ray_executor(tmp_path, "127.0.0.1:1")
