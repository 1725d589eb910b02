"""The measurement on a GPU goes through on a processor with tiny numbers, keeps what is done, and makes its page."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import __main__ as command
from benchmarks.gpu._checks import CHECKS, checked
from benchmarks.gpu._page import BEGIN, END
from benchmarks.gpu._prepare import _chosen
from benchmarks.gpu._recipe import RECIPE, run_recipe
from benchmarks.gpu._results import RESULTS, Results
from benchmarks.gpu._speed import TINY, layer_names, layer_times, step_time, steps
from hamiltone.study import read_study

CPU = torch.device("cpu")
SLOW = ("hooks under torch.compile", "ONNX")  # seconds each, and tested elsewhere


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in SLOW])
def test_checks_are_kept_on_the_processor(name: str) -> None:
    assert checked(name, CPU)["kept"]


def test_a_layer_that_is_wrong_breaks_its_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.gpu._checks._layers", _single_precision_is_wrong)
    assert not checked("forms, float32", CPU)["kept"]


def _single_precision_is_wrong() -> list[tuple[torch.nn.Module, tuple[int, ...]]]:
    class Layer(torch.nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return super().forward(input) * (1.001 if input.dtype == torch.float32 else 1.0)

    return [(Layer(8, 8), (4, 8))]


def test_steps_and_layers_are_timed() -> None:
    for step in steps(TINY).values():
        found = step_time(step, TINY, CPU)
        assert found["clips_per_second"] == pytest.approx(1e3 * step.batch / found["ms"])
    convolution, *_, linear = layer_names(TINY)
    assert {"plain, float32", "eight, float32, channels last", "real, bf16"} <= set(layer_times(convolution, TINY, CPU))
    assert "stacked, float32" in layer_times(linear, TINY, CPU)


def test_results_come_one_by_one_and_are_gone_on_with(tmp_path: Path) -> None:
    machine = {"device": "a", "tiny": True}
    results = Results(tmp_path, machine, 60.0)
    results.add("checks", "right", lambda: 1)
    results.add("checks", "wrong", lambda: 1 // 0)
    results.add("checks", "late", lambda: 1, leaving=60.0)
    content = json.loads((tmp_path / RESULTS).read_text())
    assert content["checks"]["right"]["value"] == 1
    assert content["checks"]["wrong"]["error"].startswith("ZeroDivisionError")
    assert "late" not in content["checks"]
    again = Results(tmp_path, machine, 60.0)
    again.add("checks", "right", lambda: 2)
    again.add("checks", "wrong", lambda: 2)
    content = json.loads((tmp_path / RESULTS).read_text())
    assert [content["checks"][name]["value"] for name in ("right", "wrong")] == [1, 2]
    Results(tmp_path, machine | {"device": "b"}, 60.0).add("checks", "right", lambda: 3)
    assert json.loads((tmp_path / RESULTS).read_text())["checks"]["right"]["value"] == 3


def test_the_page_has_what_was_measured_and_what_failed(tmp_path: Path) -> None:
    results = Results(tmp_path, {"device": "a GPU", "tiny": True, "torch": "2"}, 60.0)
    results.add("checks", "one", lambda: {"error": 2e-6, "bound": 1e-5, "kept": True})
    results.add("steps", "slow", lambda: {"ms": 12.0, "clips_per_second": 1666.7, "mib": 100.0})
    results.add("steps", "broken", lambda: 1 // 0)
    results.add("layers", "conv 1", lambda: {"plain, float32": 0.5})
    done = {
        "epochs": 3,
        "stopped": "patience",
        "seconds_per_epoch": 0.5,
        "peak_memory_mib": 9.0,
        "accuracy": 0.5,
        "uar": 0.4,
    }
    results.add("recipe", "gpu", lambda: {"none": done, "real": {"unfinished": "epoch 7"}})
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    command.main(["page", str(tmp_path / RESULTS), "--page", str(page)])
    text = page.read_text()
    for cell in (
        "| one | 2.0e-06 | 1e-05 | kept |",
        "| slow | 12.00 | 1667 | 100 |",
        "| broken | failed: ZeroDivisionError",
        "| conv 1 | 0.500 |",
        "| none | 3 (patience) | 0.50 | 9 | 50.0 % | 40.0 % |",
        "| real | unfinished: epoch 7 |",
    ):
        assert cell in text


def test_the_recipe_is_a_study_and_ends_in_time(tmp_path: Path) -> None:
    study = read_study(RECIPE)
    assert study.run["training"]["learning_rate"] == 1e-5
    assert run_recipe(tmp_path, tmp_path / "work", 0.5, workers=1) == {}
    (tmp_path / "work" / "runs" / "one").mkdir(parents=True)
    (tmp_path / "work" / "runs" / "one" / "log.txt").write_text("epoch 1\nepoch 2\n")
    assert run_recipe(tmp_path, tmp_path / "work", 0.5, workers=1) == {"one": {"unfinished": "epoch 2"}}


def test_a_folder_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is there already"):
        command.main(["prepare", str(tmp_path), "--data", str(tmp_path)])


def test_as_many_recordings_travel_as_fit_by_whole_speakers(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.flac" for number in range(12)]
    for path in paths:
        path.write_bytes(bytes(100))
    speakers = [str(number // 4) for number in range(12)]
    chosen = _chosen(paths, speakers, 850.0)
    assert len(chosen) == 8
    assert len({speakers[paths.index(path)] for path in chosen}) == 2
    assert chosen == _chosen(paths, speakers, 850.0)
    assert _chosen(paths, speakers, 10_000.0) == paths
