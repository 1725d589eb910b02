"""The benchmark runs through at tiny sizes, and its ratios, targets and files are what they say."""

import json
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest
import torch

from benchmarks.pages import PageError
from benchmarks.speed import (
    BenchmarkError,
    BenchmarkResult,
    Row,
    Table,
    Target,
    __main__,
    _step_tables,
    _study_table,
    markdown,
    run_benchmark,
    write_benchmark,
)
from benchmarks.speed._layer_tables import layer_cases
from benchmarks.speed._memory import step_memory
from benchmarks.speed._speechbrain_client import SpeechBrain
from benchmarks.speed._steps import StepCase, Steps, explicit_similarity, from_json, map_shape
from benchmarks.speed._timing import interleaved, neighbour
from hamiltone.antitransfer import squared_gram_cosine
from hamiltone.networks import vgg
from hamiltone.quaternion import forms
from hamiltone.study import Result

TINY = StepCase("quaternion", shape=(4, 32, 32), batch=2, width=0.0625)

# Stands in for SpeechBrain: the same module names and call signatures, layers of torch.
SPEECHBRAIN = {
    "speechbrain/__init__.py": "import torchaudio\n__version__ = '0.0'\n",
    "speechbrain/nnet/__init__.py": "",
    "speechbrain/nnet/quaternion_networks/__init__.py": "",
    "speechbrain/nnet/quaternion_networks/q_CNN.py": """
import torch
class QConv2d(torch.nn.Module):
    def __init__(self, out_channels, kernel_size, input_shape, padding, padding_mode):
        super().__init__()
        assert (padding, padding_mode) == ("same", "constant")
        print("a word on standard output")
        self.inner = torch.nn.Conv2d(input_shape[-1], 4 * out_channels, kernel_size, padding="same")
    def forward(self, x):
        return self.inner(x.transpose(1, -1)).transpose(1, -1)
""",
    "speechbrain/nnet/quaternion_networks/q_linear.py": """
import torch
class QLinear(torch.nn.Linear):
    def __init__(self, n_neurons, input_shape):
        super().__init__(input_shape[-1], 4 * n_neurons)
""",
}


@pytest.fixture
def python_with_speechbrain(tmp_path, monkeypatch):
    for name, text in SPEECHBRAIN.items():
        path = tmp_path / "other" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    return Path(sys.executable)


@pytest.fixture
def counted_memory(monkeypatch):
    """Memory as a number that grows with each question, instead of a process for each."""
    asked = []

    def memory(case, threads):
        asked.append((case, threads))
        return len(asked) << 20

    monkeypatch.setattr(_step_tables, "step_memory", memory)
    return asked


def test_all_tables_at_tiny_sizes(counted_memory):
    threads = torch.get_num_threads()
    told = []
    result = run_benchmark("abcde", threads=1, quick=True, report=told.append)
    keys = [table.key for table in result.tables]
    assert keys == [
        *("a training", "a evaluation", "b real", "b quaternion", "c"),
        *("d clips", "d length", "d width", "d batch", "e training"),
    ]
    for table in result.tables:
        for row in table.rows:
            assert len(row.values) == len(table.columns)
            assert all(value is None or value > 0 for value in row.values)
    names = [row.name for row in result.tables[0].rows]
    assert len([name for name in names if name.startswith("conv ")]) == 13
    assert len([name for name in names if name.startswith("linear ")]) == 2
    assert names[-2:] == ["all convolutions", "all linear layers"]
    assert result.machine["quick"] is True
    assert torch.get_num_threads() == threads
    assert told[0].startswith("a: conv 1") and told[-1].startswith("e: linear ")
    assert all(asked == 1 for _, asked in counted_memory)
    # Memory of table b, first layer: 2, 3 and 4 questions over the first one.
    assert list(result.tables[2].rows[0].values[3:]) == [2.0, 3.0, 4.0]


def test_a_study_is_carried_out_by_one_worker_and_by_as_many_as_there_are_cores(monkeypatch):
    carried_out = []

    def timed_study(study, out, executor, *, quiet):
        done = not out.exists()
        carried_out.append((len(study.seeds), executor.side_by_side, study.run["threads"], done))
        time.sleep(0.3 / executor.side_by_side)
        return Result(planned=len(study.seeds), before=0, done=len(study.seeds), failed={}, skipped=())

    monkeypatch.setattr(_study_table, "usable_cores", lambda: 3)
    monkeypatch.setattr(_study_table, "run_study", timed_study)
    (table,) = run_benchmark("f").tables
    assert sorted(carried_out) == sorted([(6, 1, 1, True), (6, 1, 3, True), (6, 3, 1, True)] * 3)
    names = [row.name for row in table.rows]
    assert names == ["one worker, one thread", "one worker, 3 threads", "3 workers, one thread each"]
    (target,) = table.targets
    assert target.value == table.rows[2].values[1]
    assert target.value > 1.5
    assert target.bound == pytest.approx(2.7)


def test_the_trainings_of_the_table_of_studies_are_real(monkeypatch):
    monkeypatch.setattr(_study_table, "usable_cores", lambda: 1)
    (table,) = run_benchmark("f", quick=True).tables
    assert [row.name for row in table.rows] == ["one worker, one thread"]
    assert table.rows[0].values[1] == 1
    assert table.targets == []


def test_speechbrain_takes_its_turns(python_with_speechbrain):
    result = run_benchmark("a", threads=1, quick=True, against=python_with_speechbrain)
    assert result.machine["against"] == {"speechbrain": "0.0", "torch": torch.__version__}
    for table in result.tables:
        assert table.columns[-1] == "ours: times as fast as SpeechBrain"
        assert all(value is not None and value > 0 for row in table.rows for value in row.values[-2:])
    assert any("times as fast as SpeechBrain" in target.what for target in result.tables[0].targets)
    assert "Against: speechbrain 0.0" in markdown(result)


def test_an_interpreter_that_cannot_be_used_is_told(tmp_path, monkeypatch):
    with pytest.raises(BenchmarkError, match=r"--against \S*nowhere: No such file.*; give the path of a Python"):
        SpeechBrain(tmp_path / "nowhere", 1)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "speechbrain.py").write_text("raise ImportError('it is broken')")
    with pytest.raises(BenchmarkError, match=r"ImportError: it is broken; docs/performance.md tells"):
        SpeechBrain(Path(sys.executable), 1)


@pytest.mark.parametrize("tables", ["ax", ""])
def test_unknown_tables_are_told(tables):
    with pytest.raises(BenchmarkError, match=r"bench: no table (x|named); there are a, b, c, d, e, f"):
        run_benchmark(tables)


def test_calls_take_turns_and_medians_are_given():
    order = []
    seconds = {"one": iter([100, 1.0, 5.0, 2.0]), "two": iter([100, 3.0, 3.0, 9.0])}

    def call(name):
        return lambda: order.append(name) or next(seconds[name])

    assert interleaved({name: call(name) for name in seconds}, 3) == {"one": 2.0, "two": 3.0}
    assert order == ["one", "two", "two", "one", "one", "two", "two", "one"]


def test_a_warm_call_counts_the_second_time():
    seconds = iter([100, 100, 50, 1.0, 50, 3.0])
    assert interleaved({"one": lambda: next(seconds)}, 2, warm=True) == {"one": 2.0}


def test_a_neighbour_keeps_the_processor_busy_as_long_as_its_block():
    others = {*psutil.Process().children()}
    with neighbour():
        (child,) = {*psutil.Process().children()} - others
        before = sum(child.cpu_times()[:2])
        time.sleep(0.5)
        assert sum(child.cpu_times()[:2]) > before
    assert not child.is_running()


def test_layer_cases_are_those_of_the_network():
    cases = list(layer_cases(1.0, 20, (4, 64, 64)))
    assert [case.layer.weight.shape[0] for case in cases] == [
        *(64,) * 2,
        *(128,) * 2,
        *(256,) * 3,
        *(512,) * 6,
        *(4096,) * 2,
    ]
    assert [case.shape[-1] for case in cases] == [*(64,) * 2, *(32,) * 2, *(16,) * 3, *(8,) * 3, *(4,) * 3, 2048, 4096]
    assert [case.first for case in cases] == [True] + [False] * 14
    for case in cases:
        assert (case.shape[0], case.shape[1]) == (20, 4 * case.layer.weight.shape[1])


CASES = {
    "real": replace(TINY, algebra="real"),
    "contiguous": replace(TINY, channels_last=False, form="plain"),
    "naive": replace(TINY, anti_transfer="naive", layer=2),
    "live": replace(TINY, anti_transfer="live", layer=13),
    "stored": replace(TINY, anti_transfer="stored", layer=5),
    "encoder": replace(TINY, shape=(4, 64, 64), encoder=True),
    "clips": replace(TINY, clips=5, anti_transfer="stored", layer=2),
}


@pytest.mark.parametrize("name", CASES)
def test_a_step_trains_the_network(name):
    torch.manual_seed(0)
    steps, case = Steps(), CASES[name]
    step = steps.step(case)
    (network,) = [network for key, network in steps._networks.items() if key[0] == "trained"]
    before = [parameter.detach().clone() for parameter in network.parameters()]
    step()
    assert all(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    states = next(iter(steps._optimizers.values())).state.values()
    assert {int(state["step"]) for state in states} == {-(-case.clips // case.batch) or 1}
    for key, frozen in steps._networks.items():
        assert key[0] == "trained" or not any(p.requires_grad or p.grad is not None for p in frozen.parameters())
    assert from_json(json.loads(json.dumps(case.as_json()))) == case


@pytest.mark.parametrize("algebra", ["real", "quaternion"])
def test_first_steps_are_the_same_with_every_fast_path_on_and_off(algebra):
    """Losses and gradients of five steps: dispatch, layout and closed form of anti-transfer against none of them."""

    def trained(form, channels_last, way):
        torch.manual_seed(0)
        case = replace(TINY, algebra=algebra, form=form, channels_last=channels_last, anti_transfer=way, layer=5)
        steps = Steps()
        networks = [steps._network(case, "trained"), steps._network(case, "frozen")]
        for network in networks:  # no dropout, and double precision: differences are of the method alone
            for module in network.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0
            network.double()
        x = torch.rand(2, 4, 32, 32, dtype=torch.float64)
        loss_module = steps._anti_transfer(case)
        adam = torch.optim.Adam(networks[0].parameters(), lr=1e-4)
        losses, gradients = [], []
        for _ in range(5):
            adam.zero_grad()
            with forms(form):
                loss = steps._loss(case, networks[0], loss_module, x, torch.arange(2), torch.arange(2))
                loss.backward()
            losses.append(loss.item())
            gradients.append(torch.cat([p.grad.flatten() for p in networks[0].parameters() if p.grad is not None]))
            adam.step()
        return losses, gradients

    slow_losses, slow_gradients = trained("plain", False, "naive")
    for form in ("table", "eight", "stacked"):
        losses, gradients = trained(form, True, "live")
        assert losses == pytest.approx(slow_losses, rel=1e-9)
        # Adam divides by gradients that may be all but zero, so later steps drift apart a little faster.
        for step, (a, b) in enumerate(zip(gradients, slow_gradients, strict=True)):
            assert (a - b).norm() <= (1e-11 if step == 0 else 1e-5) * b.norm()


def test_the_explicit_similarity_is_that_of_the_loss():
    a, b = torch.rand(2, 3, 6, 4, 5, dtype=torch.float64)
    assert explicit_similarity(a, b).item() == pytest.approx(squared_gram_cosine(b, a).mean().item(), rel=1e-12)


def test_map_shapes():
    network = vgg(16, "quaternion", width=0.0625, input_shape=(4, 64, 32))
    assert map_shape(network, (4, 64, 32), 1) == (4, 64, 32)
    assert map_shape(network, (4, 64, 32), 3) == (8, 32, 16)
    assert map_shape(network, (4, 64, 32), 13) == (32, 4, 2)


def test_memory_of_a_fresh_process_counts_weights_gradients_and_adam():
    case = replace(TINY, width=0.5)
    weights = sum(p.numel() for p in vgg(16, "quaternion", width=0.5, input_shape=TINY.shape).parameters())
    measured = step_memory(case, 1)
    assert 4 * 4 * weights <= measured <= 4 * 4 * weights + (300 << 20)


RESULT = BenchmarkResult(
    {"processor": "P", "torch": "2", "quick": True},
    [
        Table("c", "Steps", ("ms", "ratio"), [Row("one", (1234.5, 1.0)), Row("two", (2.0, None))]),
        Table(
            "a",
            "Layers",
            ("x",),
            [Row("l", (0.123456,))],
            [Target("t", 1.5, 1.4, "at least"), Target("u", 2.0, 1.0, "at most")],
        ),
    ],
)


def test_files(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- tables of the benchmark -->\nold\n<!-- end of the tables -->\nAfter\n")
    write_benchmark(RESULT, tmp_path / "out", page)
    text = (tmp_path / "out" / "benchmark.md").read_text()
    assert "| one | 1234 | 1 |" in text or "| one | 1235 | 1 |" in text
    assert "| two | 2 |  |" in text and "| l | 0.123 |" in text
    assert "| t | at least 1.4 | 1.5 | met |" in text and "| u | at most 1 | 2 | missed |" in text
    assert "mean nothing" in text
    filled = re.fullmatch(r"Before\n<!-- [^\n]+ -->\n(.*)<!-- [^\n]+ -->\nAfter\n", page.read_text(), re.DOTALL)
    assert filled is not None
    assert filled[1] == text
    facts = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert facts["machine"] == RESULT.machine
    assert [target["met"] for target in facts["tables"][1]["targets"]] == [True, False]
    assert facts["tables"][0]["rows"][1]["values"] == [2.0, None]
    assert ElementTree.parse(tmp_path / "out" / "benchmark.svg").getroot().tag.endswith("svg")


def test_a_page_without_a_place_for_tables_is_told_and_left(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(PageError, match=r"page.md: it lacks the lines <!-- tables"):
        write_benchmark(RESULT, tmp_path / "out", page)
    assert page.read_text() == "nothing"
    assert not (tmp_path / "out").exists()


def test_the_page_of_the_documentation_has_a_place_for_the_tables():
    text = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()
    begin, end = text.index("<!-- tables of the benchmark -->"), text.index("<!-- end of the tables -->")
    assert begin < end


def test_the_command(tmp_path, monkeypatch, capsys):
    asked = []

    def measured(tables, **options):
        asked.append((tables, options.pop("report"), options))
        return RESULT

    monkeypatch.setattr(__main__, "run_benchmark", measured)
    __main__.main(["a", "c", "--quick", "--threads", "1", "--out", str(tmp_path / "out")])
    assert [(tables, options) for tables, _, options in asked] == [
        ("ac", {"threads": 1, "quick": True, "against": None})
    ]
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("Steps", "Layers", "Targets", "missed", "met", "0.123"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"benchmark.json", "benchmark.md", "benchmark.svg"}


def test_the_command_refuses_unknown_tables():
    with pytest.raises(SystemExit, match="bench: no table x; there are a, b, c, d, e, f"):
        __main__.main(["x"])
