"""Figure 2, the resources and the probes: their numbers, and what their drawings must hold to."""

import csv
import io
import re
import struct

import numpy as np
import pytest

from hamiltone.measures import mean_over_folds
from hamiltone.records import find_plan
from hamiltone.report import resource_rows, write_report
from hamiltone.report._figure2 import figure2
from hamiltone.report._figure_style import MARKERS, PRINT
from hamiltone.report._probe_results import probe_results
from hamiltone.report._resource_table import resource_table
from hamiltone.report._resource_text import resources_csv
from hamiltone.report._study_figures import _figure2, _probes_figure, figure2_files, figure2_inline, probes_inline
from hamiltone.report._study_results import read_study
from hamiltone.report._table1 import table1


def study_of(made):
    made.write()
    plan = find_plan(made.folder)
    assert plan is not None
    return read_study(made.folder, plan)


def accuracies(study):
    """What each recogniser's own record says."""
    found = {}
    for run in study.recognisers:
        if run.record:
            test = run.record.test
            assert test is not None
            place = run.condition
            key = (place.corpus, place.split, place.network, place.method, place.layer, place.seed, place.reseed)
            found[key] = test.accuracy.value
    return found


@pytest.fixture
def layered(made):
    """Two corpora, two splits, S and W at two layers, two seeds."""
    for corpus in ("ravdess", "tess"):
        for split in ("random", "actor"):
            for seed in (0, 1):
                place = {"corpus": corpus, "split": split, "seed": seed}
                made.recogniser(skill=0.4, **place)
                made.recogniser(skill=0.1, reseed=1, **place)
                for layer in (2, 9):
                    made.recogniser("single S", layer, skill=0.6, **place)
                    made.recogniser("single W", layer, skill=0.5, **place)
                    made.recogniser("dual SW", layer, skill=1.0, **place)
    return made


def test_a_point_is_the_mean_over_corpora_and_seeds_and_the_mean_that_of_the_lines(layered):
    study = study_of(layered)
    numbers = figure2(study)
    known = accuracies(study)
    assert [(line.split, line.network, line.task) for line in numbers.lines] == [
        (split, "quaternion", task) for split in ("random", "actor") for task in ("S", "W")
    ]
    for line in numbers.lines:
        assert [point.layer for point in line.points] == [2, 9]
        for point in line.points:
            method = f"single {line.task}"
            expected = np.mean(
                [
                    known[corpus, line.split, "quaternion", method, point.layer, seed, 0]
                    - known[corpus, line.split, "quaternion", "none", None, seed, 0]
                    for corpus in ("ravdess", "tess")
                    for seed in (0, 1)
                ]
            )
            assert point.difference.estimate == pytest.approx(expected)
            assert point.difference.low is not None
            assert point.difference.low < expected
            assert point.corpora == line.corpora == 2
    for place, point in enumerate(numbers.mean):
        values = [line.points[place].difference.estimate for line in numbers.lines]
        assert point.difference.estimate == pytest.approx(np.mean(values))
    assert numbers.notes == []
    assert not any(run.condition.reseed or run.condition.method == "dual SW" for run in numbers.runs)


@pytest.mark.parametrize(("methods", "shifts"), [(["single W"], [0.0]), (["single S", "single W"], [-0.12, 0.12])])
def test_points_stand_at_their_layer_where_no_other_line_is_beside_them(made, methods, shifts):
    made.recogniser()
    for method in methods:
        for layer in (2, 9):
            made.recogniser(method, layer)
    panel = _figure2(figure2(study_of(made)), PRINT).axes[0]
    drawn = [np.asarray(line.get_xdata()).tolist() for line in panel.lines if line.get_marker() in MARKERS]
    assert drawn == [[2 + shift, 9 + shift] for shift in shifts]


def test_what_figure_2_lacks_is_said(made):
    made.recogniser(corpus="tess", speakers=2)
    made.recogniser(corpus="ravdess")
    made.recogniser("single S", 2, corpus="tess", speakers=2)
    made.recogniser("single S", 2, corpus="ravdess")
    made.recogniser("single S", 9, corpus="ravdess")
    made.recogniser("single S", 9, corpus="tess", state="failed")
    made.recogniser("single W", 2, corpus="ravdess")
    numbers = figure2(study_of(made))
    first, second = numbers.lines[0].points
    assert (first.difference.low, second.difference.low is not None) == (None, True)
    assert (first.corpora, second.corpora, numbers.lines[0].corpora) == (2, 1, 2)
    assert numbers.notes == [
        "No bands in the actor split, not estimable: a corpus has 2 test speakers.",
        "Some points average over fewer corpora than planned, since runs are missing.",
        "Not every line has every layer; the mean is over the lines that have it.",
    ]


def test_lines_count_the_same_in_the_mean_whatever_corpora_they_have(made):
    for corpus in ("ravdess", "tess"):
        made.recogniser(corpus=corpus)
        made.recogniser("single S", 2, corpus=corpus, skill=0.9)
    made.recogniser("single W", 2, corpus="ravdess", skill=0.1)
    numbers = figure2(study_of(made))
    values = [line.points[0].difference.estimate for line in numbers.lines]
    assert numbers.mean[0].difference.estimate == pytest.approx(np.mean(values))


def test_without_baselines_or_single_anti_transfer_there_are_no_lines(made):
    made.recogniser("single S", 2)
    made.recogniser(network="real")
    made.recogniser("dual SW", 2, network="real")
    numbers = figure2(study_of(made))
    assert (numbers.lines, numbers.mean, numbers.runs) == ((), (), ())


def test_the_printed_figure_has_the_size_of_a_page_and_needs_no_font(layered):
    files = figure2_files(figure2(study_of(layered)))
    assert files["png"][:8] == b"\x89PNG\r\n\x1a\n"
    width, _ = struct.unpack(">II", files["png"][16:24])
    assert width == round(17 / 2.54 * 300) or width == int(17 / 2.54 * 300)
    drawing = files["svg"].decode()
    (points,) = re.findall(r'<svg [^>]*width="([\d.]+)pt"', drawing)
    assert float(points) == pytest.approx(17 / 2.54 * 72, abs=0.1)
    assert "<text" not in drawing
    assert "#000005" not in drawing
    assert files == figure2_files(figure2(study_of(layered)))


def test_one_line_is_a_column_wide(made):
    made.recogniser()
    made.recogniser("single S", 2)
    made.recogniser("single S", 3)
    drawing = figure2_files(figure2(study_of(made)))["svg"].decode()
    (points,) = re.findall(r'<svg [^>]*width="([\d.]+)pt"', drawing)
    assert float(points) == pytest.approx(8.5 / 2.54 * 72, abs=0.1)


def test_the_inline_figure_is_readable_at_its_size_and_apart_without_colour(layered):
    drawing = figure2_inline(figure2(study_of(layered)))
    sizes = [float(size) for size in re.findall(r"(?<![\d.])([\d.]+)px", drawing)]
    assert sizes
    assert min(sizes) >= 7
    words = re.findall(r"<text[^>]*>([^<]+)</text>", drawing)
    assert {"AT layer", "accuracy (% points)", "AT with speakers (S)", "AT with words (W)"} <= set(words)
    assert "95 % over speakers" in words
    assert len(set(re.findall(r"stroke-dasharray:([^;\"]+)", drawing))) >= 2


def test_costs_are_medians_and_ratios_of_the_same_corpus_and_split(made):
    for seed, seconds in enumerate((10.0, 30.0, 20.0)):
        made.recogniser(network="real", seed=seed, resources={"cpu_seconds_per_epoch": seconds})
        made.recogniser(seed=seed, resources={"cpu_seconds_per_epoch": seconds / 5, "peak_memory_bytes": 2**29})
        made.recogniser("single S", 2, seed=seed, resources={"cpu_seconds_per_epoch": seconds / 2})
        made.recogniser("dual WS", 2, seed=seed, resources={"cpu_seconds_per_epoch": seconds / 2})
    made.recogniser(network="real-on-embedding", resources={"cpu_seconds_per_epoch": 8.0, "peak_memory_bytes": 2**28})
    made.recogniser(network="real", split="random", resources={"cpu_seconds_per_epoch": 1000.0})
    costs = resource_table(study_of(made))
    rows = {(row.split, row.network, row.layer): row for row in costs.rows}
    assert rows["actor", "real", None].costs.cpu_seconds == 20
    quaternion, against = rows["actor", "quaternion", None], rows["actor", "quaternion", 2]
    assert quaternion.of_real.cpu_seconds == pytest.approx(0.2)
    assert quaternion.of_real.memory == pytest.approx(0.5)
    assert quaternion.of_real.parameters == pytest.approx(0.25)
    assert (against.of_real.cpu_seconds, against.of_same.cpu_seconds) == (pytest.approx(0.5), pytest.approx(2.5))
    assert len(against.runs) == 6
    assert rows["random", "real", None].of_real.cpu_seconds == 1
    words = " ".join(costs.words)
    assert "Up to 2 runs went side by side, so wall times are not comparable" in words
    assert "takes 0.20 times the CPU time, 0.50 times the peak memory and 0.25 times the parameters" in words
    assert "takes 0.40 times the CPU time, 0.25 times the peak memory and 1.00 times the parameters" in words
    assert "take 0.50 times the CPU time, 2.00 times the peak memory and 0.25 times the parameters" in words
    assert resource_rows(made.folder)[-1]["CPU time of real without AT"] == "0.40"
    lines = list(csv.DictReader(io.StringIO(resources_csv(costs))))
    assert [float(line["cpu_seconds"]) for line in lines if line["network"] == "real"] == [1000, 20]
    assert lines[2]["layer"] == ""
    assert float(lines[2]["cpu_seconds_of_real"]) == pytest.approx(0.2)


def test_where_a_gpu_works_the_clock_counts(made):
    gpu = {"device": "cuda", "side_by_side": 1}
    made.recogniser(network="real", resources=gpu | {"seconds_per_epoch": 10.0})
    made.recogniser(resources=gpu | {"seconds_per_epoch": 5.0, "cpu_seconds_per_epoch": None, "processor": "other"})
    costs = resource_table(study_of(made))
    words = " ".join(costs.words)
    assert "takes 0.50 times the time" in words
    assert "one at a time" in words
    assert "CPU seconds do not count what a GPU does" in words
    assert "made up; other" in words
    assert "only the control can tell" in words
    assert resource_rows(made.folder)[1]["Time of real without AT"] == "0.50"


def test_runs_that_do_not_say_how_many_went_side_by_side_are_said_not_to(made):
    made.recogniser(resources={"side_by_side": 1})
    made.recogniser("single S", 2, resources={"side_by_side": None})
    assert "do not say how many runs went side by side" in " ".join(resource_table(study_of(made)).words)


@pytest.fixture
def probed(made, make):
    made.recogniser(probe=make.probe(0.1))
    made.recogniser(reseed=1, probe=make.probe(0.4), validation=0.9)
    made.recogniser("single S", 2, validation=0.6, probe=make.probe(-0.1))
    made.recogniser("single S", 9, validation=0.5, probe=make.probe(0.3))
    made.recogniser("single W", 2)
    return made


def test_probes_compare_the_selected_runs_with_the_baseline(probed):
    study = study_of(probed)
    read = probe_results(study, table1(study))
    assert read is not None
    assert [(panel.target, [line.method for line in panel.lines]) for panel in read.panels] == [
        ("speaker", ["none", "single S"]),
        ("emotion", ["none", "single S"]),
    ]
    speaker = read.panels[0]
    assert speaker.chance == 0.125
    assert speaker.lines[1].layers == tuple(range(1, 15))
    assert speaker.lines[1].accuracies[0] == pytest.approx(0.125 + 0.04 - 0.1)
    row = read.rows[0]
    assert (row.method, row.target, row.layers) == ("single S", "speaker", (2,))
    assert row.at_layer is not None and row.last_hidden is not None
    assert row.at_layer[:2] == pytest.approx((0.125 + 0.08 + 0.1, 0.125 + 0.08 - 0.1))
    assert row.last_hidden[:2] == pytest.approx((0.125 + 0.56 + 0.1, 0.125 + 0.56 - 0.1))
    assert row.last_hidden[2].estimate == pytest.approx(-0.2)
    assert row.last_hidden[2].low is None  # of one fold
    assert read.missing == ("word: the corpus has one word",)
    assert [run.label for run in read.runs] == ["quaternion, no AT", "quaternion, single S, layer 2"]
    words = re.findall(r"<text[^>]*>([^<]+)</text>", probes_inline(read.panels))
    assert {"speaker", "emotion", "layer", "accuracy of the probe", "no AT", "single S", "chance"} <= set(words)


def test_differences_of_probes_have_intervals_over_folds(made, make):
    shifts = {(0, 0): -0.3, (0, 1): -0.1, (1, 0): -0.1, (2, 0): 0.06}
    for (fold, seed), shift in shifts.items():
        made.recogniser(folds=3, fold=fold, seed=seed, probe=make.probe(0.1))
        made.recogniser("single S", 2, folds=3, fold=fold, seed=seed, probe=make.probe(0.1 + shift))
    study = study_of(made)
    read = probe_results(study, table1(study))
    assert read is not None
    (row,) = [row for row in read.rows if row.target == "speaker"]
    expected = mean_over_folds(shifts)
    assert row.last_hidden is not None
    assert (row.last_hidden[2].low, row.last_hidden[2].high) == pytest.approx((expected.low, expected.high))
    write_report(made.write())
    text = (made.folder / "probes.md").read_text(encoding="utf-8")
    values = (expected.estimate, expected.low or 0, expected.high or 0)
    assert " {:+.1f} [{:+.1f}, {:+.1f}] ".format(*(100 * value for value in values)) in text
    assert "95 % t intervals over folds" in text


@pytest.mark.parametrize(
    ("convolutions", "ticks"),
    [
        (8, [(1, "1"), (3, "3"), (5, "5"), (7, "7"), (9, "last")]),
        (10, [(1, "1"), (4, "4"), (7, "7"), (10, ""), (11, "last")]),
        (13, [(1, "1"), (4, "4"), (7, "7"), (10, "10"), (13, ""), (14, "last")]),
        (16, [(1, "1"), (5, "5"), (9, "9"), (13, "13"), (17, "last")]),
    ],
)
def test_the_last_hidden_layer_is_that_of_the_network(made, make, convolutions, ticks):
    made.recogniser(probe=make.probe(0.1, convolutions=convolutions))
    made.recogniser("single S", 2, probe=make.probe(-0.1, convolutions=convolutions))
    study = study_of(made)
    read = probe_results(study, table1(study))
    assert read is not None
    last = convolutions + 1
    assert read.panels[0].last_hidden == last
    expected = [min(1.0, 0.125 + 0.04 * last + shift) for shift in (0.1, -0.1)]
    assert read.rows[0].last_hidden is not None
    assert read.rows[0].last_hidden[:2] == pytest.approx(expected)
    (axes, _) = _probes_figure(read.panels).axes
    found = zip(axes.get_xticks(), (label.get_text() for label in axes.get_xticklabels()), strict=True)
    assert list(found) == ticks
    assert axes.get_xlim()[1] == pytest.approx(last + 0.7)


def test_networks_with_other_numbers_of_layers_share_no_axis(made, make):
    for network, convolutions in (("real", 8), ("quaternion", 13), ("real-on-embedding", 13)):
        made.recogniser(network=network, probe=make.probe(convolutions=convolutions))
    study = study_of(made)
    read = probe_results(study, table1(study))
    assert read is not None
    axes = _probes_figure(read.panels).axes
    assert [round(panel.get_xlim()[1] - 0.7) for panel in axes] == [9, 9, 14, 14, 14, 14]
    assert axes[0].get_shared_x_axes().joined(axes[0], axes[1])
    assert axes[2].get_shared_x_axes().joined(axes[2], axes[4])
    assert not axes[0].get_shared_x_axes().joined(axes[0], axes[2])


def test_probes_of_other_seeds_are_not_compared(made, make):
    made.recogniser(seed=0, probe=make.probe())
    made.recogniser("single S", 2, seed=1, probe=make.probe())
    study = study_of(made)
    read = probe_results(study, table1(study))
    assert read is not None
    assert len(read.panels[0].lines) == 2
    assert read.rows == ()


def test_without_probes_there_is_nothing(made):
    made.recogniser()
    study = study_of(made)
    assert probe_results(study, table1(study)) is None
