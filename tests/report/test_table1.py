"""Table 1: what is selected, what is pooled, what is compared, and how it is written."""

import csv
import io
import itertools
import re

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from hamiltone.measures import accuracy_from_confusion as from_confusion
from hamiltone.measures import holm, paired_permutation_test, speaker_interval
from hamiltone.records import find_plan
from hamiltone.report import table1_rows, write_report
from hamiltone.report._figure2 import figure2
from hamiltone.report._pooled_clips import accuracy_of, uar_of
from hamiltone.report._study_results import read_study
from hamiltone.report._table1 import BEST_OF, table1
from hamiltone.report._table1_files import table1_csv, table1_tex
from hamiltone.report._table1_text import table1_cells, table1_words


def test_where_a_speaker_is_unknown_no_interval_is_told():
    """Else all who are unknown would count as one person."""
    clips = pd.DataFrame({"speaker": [*"abcdef", ""] * 2, "truth": ["x", "y"] * 7, "prediction": ["x"] * 14})
    assert uar_of(clips.loc[clips["speaker"] != ""]).low is not None
    for interval in (uar_of(clips), accuracy_of(clips)):
        assert (interval.low, interval.high) == (None, None)


def table_of(made):
    made.write()
    plan = find_plan(made.folder)
    assert plan is not None
    return table1(read_study(made.folder, plan))


def predictions(cell):
    return cell.clips["truth"].to_numpy(), cell.clips["prediction"].to_numpy(), cell.clips["speaker"].to_numpy()


def actor(table, method, network="quaternion", split="actor", corpus="ravdess"):
    return table.cell(corpus, split, network, method)


def test_validation_selects_the_layer_and_test_never_does(made):
    """Layer 9 is far better on the test clips; layer 2 has the better validation accuracy and is taken."""
    made.recogniser()
    good = made.recogniser("single S", 2, skill=0.3, validation=0.61)
    made.recogniser("single S", 5, skill=0.4, validation=0.60)
    made.recogniser("single S", 9, skill=1.0, validation=0.59)
    cell = actor(table_of(made), "single S")
    assert cell.selection.layers == (2,)
    assert [run.planned.folder for run in cell.selection.runs] == [good]
    assert cell.accuracy is not None
    assert cell.accuracy.estimate == metrics.accuracy_score(*predictions(cell)[:2]) < 0.5


def test_the_mean_over_seeds_counts_and_of_equal_layers_the_earlier(made):
    for layer, values in ((9, (0.3, 0.2, 0.1)), (5, (0.1, 0.2, 0.3)), (11, (0.25, 0.1, 0.1))):
        for seed, value in enumerate(values):
            made.recogniser("single W", layer, seed=seed, validation=value)
    cell = actor(table_of(made), "single W")
    assert cell.selection.layers == (5,)
    assert [run.condition.seed for run in cell.selection.runs] == [0, 1, 2]
    assert set(cell.clips["seed"]) == {0, 1, 2}


def test_each_fold_selects_its_own_layer_and_the_folds_are_pooled(made):
    for fold in range(3):
        made.recogniser(folds=3, fold=fold, speakers=4)
        for layer in (2, 9):
            better = layer == (9 if fold == 1 else 2)
            made.recogniser(
                "single S", layer, folds=3, fold=fold, speakers=4, validation=0.7 if better else 0.6, skill=0.8
            )
    table = table_of(made)
    cell = actor(table, "single S")
    assert cell.selection.layers == (2, 9, 2)
    assert len(cell.clips) == 3 * 48
    assert cell.accuracy is not None
    assert cell.accuracy.speakers == 12
    truth, prediction, speakers = predictions(cell)
    assert cell.accuracy == speaker_interval(from_confusion, truth, prediction, speakers)
    assert str(table1_cells(table)[1]["AT layer, actor"]) == "2, 9, 2 by fold"


def test_a_cell_is_compared_with_its_own_baseline(made):
    """Same seeds, the baseline proper and none of the re-seeded ones; p adjusted over the whole table."""
    for seed in (0, 1):
        made.recogniser(seed=seed, skill=0.5)
        made.recogniser(seed=seed, reseed=1, skill=0.1, validation=0.9)
        made.recogniser(seed=seed, network="real", skill=0.9)
        made.recogniser("single S", 2, seed=seed, skill=0.8)
        made.recogniser("single W", 2, seed=seed, skill=0.55)
    table = table_of(made)
    baseline = actor(table, "none")
    assert baseline.difference is baseline.p is None
    raw = []
    for method in ("single S", "single W"):
        cell = actor(table, method)
        truth, prediction, speakers = predictions(cell)
        assert cell.clips[["seed", "utterance", "truth"]].equals(baseline.clips[["seed", "utterance", "truth"]])
        other = baseline.clips["prediction"].to_numpy()
        expected = paired_permutation_test(from_confusion, truth, prediction, other, speakers)
        assert cell.difference is not None
        assert cell.difference.estimate == pytest.approx(np.mean(prediction == truth) - np.mean(other == truth))
        assert cell.p == expected.p
        raw.append(expected.p)
    assert [actor(table, method).p_adjusted for method in ("single S", "single W")] == holm(raw)
    assert table.tests == 2
    assert "for the 2 tests in this table" in " ".join(table1_words(table))


def test_the_spread_is_over_the_seeds(made):
    for seed, skill in enumerate((0.4, 0.6, 0.9)):
        made.recogniser(seed=seed, skill=skill)
    cell = actor(table_of(made), "none")
    values = [float(np.mean(part["truth"] == part["prediction"])) for _, part in cell.clips.groupby("seed")]
    assert cell.accuracy_over_seeds is not None
    assert cell.accuracy_over_seeds.mean == pytest.approx(np.mean(values))
    assert cell.accuracy_over_seeds.deviation == pytest.approx(np.std(values, ddof=1))
    uars = [
        metrics.recall_score(part["truth"], part["prediction"], average="macro", labels=part["truth"].unique())
        for _, part in cell.clips.groupby("seed")
    ]
    assert cell.uar_over_seeds is not None
    assert cell.uar_over_seeds.mean == pytest.approx(np.mean(uars))


def test_the_selection_control_chooses_by_validation_for_each_seed(made):
    chosen = []
    for seed in (0, 1):
        for reseed, validation in enumerate((0.5, 0.7, 0.6) if seed == 0 else (0.8, 0.8, 0.1)):
            place = made.recogniser(seed=seed, reseed=reseed, validation=validation, skill=0.9 - 0.2 * reseed)
            if (seed, reseed) in ((0, 1), (1, 0)):
                chosen.append(place)
        made.recogniser("single S", 2, seed=seed)
    table = table_of(made)
    cell = actor(table, BEST_OF)
    assert [run.planned.folder for run in cell.selection.runs] == chosen
    assert cell.p is None
    assert cell.difference is not None
    assert {run.condition.reseed for run in actor(table, "none").selection.runs} == {0}
    row = table1_cells(table)[1]
    assert (str(row["AT"]), str(row["AT layer, actor"])) == (BEST_OF, "\N{EN DASH} best of 3")
    assert "is a selection" in " ".join(table1_words(table))
    assert "no re-seeded baselines" not in " ".join(table1_words(table))


def test_below_six_speakers_nothing_is_estimable(made):
    made.recogniser(speakers=5)
    made.recogniser("single S", 2, speakers=5, skill=0.9)
    table = table_of(made)
    cell = actor(table, "single S")
    assert cell.accuracy is not None
    assert cell.difference is not None
    assert (cell.accuracy.low, cell.difference.low, cell.p, cell.p_adjusted) == (None, None, None, None)
    assert cell.difference.estimate > 0
    row = table1_cells(table)[1]
    assert [row[f"{name}, actor"].detail for name in ("Accuracy", "UAR", "Difference", "p")] == [""] * 4
    assert str(row["p, actor"]) == "\N{EN DASH}"
    words = " ".join(table1_words(table))
    few = (
        "With fewer than 6 test speakers neither intervals nor p are estimable, and the order of the methods means "
        "nothing: ravdess, actor split (5)."
    )
    assert words.count("estimable") == words.count(few) == 1
    assert "No cell of this table allows it" in words
    assert "one AT layer" in words
    made.recogniser("single S", 5, speakers=5, skill=0.8)
    assert "no re-seeded baselines" in " ".join(table1_words(table_of(made)))


def test_six_speakers_cannot_have_a_small_p_and_it_is_said(made):
    made.recogniser(speakers=6, skill=0.0)
    made.recogniser("single S", 2, speakers=6, skill=1.0)
    table = table_of(made)
    assert actor(table, "single S").p == 2 / 2**6
    assert "With 6 test speakers, however large the difference, p is at least 0.031" in " ".join(table1_words(table))


def test_absent_cells_stay_and_say_why(made):
    failed = made.pretraining("speaker", state="failed")
    made.recogniser("single S", 2, state="absent", needs=[failed])
    made.recogniser("single W", 2, state="failed")
    made.recogniser("single W", 9, state="failed")
    made.recogniser("dual SW", 2, state="absent")
    made.recogniser("dual WS", 2, predictions=False)
    table = table_of(made)
    assert {cell.method: cell.absent for cell in table.cells} == {
        "single S": "skipped: rests on speaker, which failed",
        "single W": "failed: the loss is not a number in epoch 3: lower the learning rate (and 1 more)",
        "dual SW": "not run yet",
        "dual WS": "no predictions.csv beside the record",
    }
    for row, cell in zip(table1_cells(table), table.cells, strict=True):
        assert str(row["Accuracy, actor"]) == f"\N{EN DASH} {cell.absent}"
        assert str(row["UAR, actor"]) == "\N{EN DASH}"


def test_what_is_planned_for_one_split_alone_says_so_in_the_other(made):
    made.recogniser(split="random")
    made.recogniser("single S", 2)
    cells = {(cell.method, cell.split): cell.absent for cell in table_of(made).cells}
    missing = ("none", "actor"), ("single S", "random")
    assert cells == {("none", "random"): "", ("single S", "actor"): ""} | dict.fromkeys(missing, "not planned")


def test_a_cell_with_some_of_its_runs_is_made_of_those_and_says_so(made):
    for seed in range(3):
        made.recogniser(seed=seed, state="failed" if seed == 0 else "done")
        made.recogniser("single S", 2, seed=seed, validation=0.6, state="absent" if seed == 2 else "done")
        made.recogniser("single S", 9, seed=seed, validation=0.5)
    table = table_of(made)
    cell = actor(table, "single S")
    assert cell.note == (
        "2 of 3 runs; chosen among 5 of 6 runs; difference on the 96 of 192 clips that the baseline has"
    )
    assert cell.compared == 96
    both = cell.clips[cell.clips["seed"] == 1]
    baseline = actor(table, "none").clips
    baseline = baseline[baseline["seed"] == 1]
    assert cell.difference is not None
    assert cell.difference.estimate == pytest.approx(
        np.mean(both["truth"] == both["prediction"]) - np.mean(baseline["truth"] == baseline["prediction"])
    )
    assert actor(table, "none").note == "2 of 3 runs"


def test_a_fold_without_runs_counts_as_missing(made):
    made.recogniser("single S", 2, folds=2, fold=0)
    made.recogniser("single S", 2, folds=2, fold=1, state="absent")
    cell = actor(table_of(made), "single S")
    assert (cell.selection.layers, cell.note) == ((2, None), "1 of 2 runs")


def test_without_common_clips_there_is_no_difference(made):
    made.recogniser(seed=0)
    made.recogniser("single S", 2, seed=1)
    cell = actor(table_of(made), "single S")
    assert (cell.difference, cell.p, cell.compared) == (None, None, None)


@pytest.fixture
def whole(made):
    """Two splits, three networks, and everything in it."""
    for split in ("random", "actor"):
        for network in ("real-on-embedding", "quaternion", "real"):
            made.recogniser(split=split, network=network)
            if network != "real-on-embedding":
                made.recogniser(split=split, network=network, reseed=1)
                made.recogniser("single S", 2, split=split, network=network, skill=0.7)
                made.recogniser("dual WS", 2, split=split, network=network, skill=0.6)
    return made


def test_the_layout_is_the_paper_s_with_its_figures_beside(whole):
    table = table_of(whole)
    rows = table1_rows(whole.folder)
    methods = ["none", BEST_OF, "single S", "dual WS"]  # what is not planned has no row
    assert [(row["Network"], row["AT"]) for row in rows] == [
        *(("real", method) for method in methods),
        *(("quaternion", method) for method in methods),
        ("real-on-embedding", "none"),
    ]
    measures = ("Accuracy", "UAR", "Over seeds", "Difference", "p")
    assert list(rows[0]) == [
        *("Corpus", "Network", "AT", "Parameters", "AT layer, random", "AT layer, actor"),
        *(f"{name}, random" for name in measures),
        *(f"{name}, actor" for name in measures),
        *("Paper, random", "Paper, actor"),
    ]
    by_name = {(row["Network"], row["AT"]): row for row in rows}
    assert by_name["quaternion", "dual WS"]["Paper, random"] == "60.4 % layer 11"
    assert by_name["quaternion", "none"]["Paper, actor"] == "36.7 %"
    assert by_name["real", "single S"]["Paper, actor"] == "46.7 % layer 9"
    assert by_name["real-on-embedding", "none"]["Paper, actor"] == "\N{EN DASH}"
    words = " ".join(table1_words(table))
    assert (
        "Actor split: test speakers are unheard in training. Test speakers over the folds carried out: ravdess 8."
        in words
    )
    assert "Random split: test clips are other recordings of speakers heard in training" in words
    assert "not part of this study" not in words


def test_a_split_or_a_corpus_that_is_not_there_has_no_columns(made):
    made.recogniser(corpus="synthetic")
    table = table_of(made)
    assert [name for name in table1_cells(table)[0] if "random" in name or "Paper" in name] == []
    words = " ".join(table1_words(table))
    assert "The random split is not part of this study." in words
    assert "that the paper reports" not in words


def test_any_kind_of_split_has_columns_after_the_paper_s_and_says_itself_what_it_promises(made):
    protocol = "speaker-independent, text-independent: of 8 test speakers, 0 in training"
    made.recogniser(split="column", facts={"kind": "random", "protocol": "not speaker-independent: all in training"})
    made.recogniser(split="balanced", facts={"kind": "actor", "scheme": "balanced", "protocol": protocol})
    made.recogniser(split="actor")
    made.recogniser(split="leave-one-out", facts={"kind": "actor", "scheme": "leave-one-out"})
    made.recogniser(split="stratified", state="absent")
    made.recogniser(
        "single S", 2, split="balanced", facts={"kind": "actor", "scheme": "balanced", "protocol": protocol}
    )
    table = table_of(made)
    assert table.splits == ("actor", "column", "balanced", "leave-one-out", "stratified")
    row = table1_cells(table)[1]
    assert [name for name in row if name.startswith("Accuracy")] == [f"Accuracy, {split}" for split in table.splits]
    assert str(row["Accuracy, column"]) == "\N{EN DASH} not planned"
    words = table1_words(table)
    number = "Test speakers over the folds carried out: ravdess 8."
    assert words[2:8] == [
        "The random split is not part of this study.",
        f"Actor split: test speakers are unheard in training. {number}",
        f"Column split: not speaker-independent. {number}",
        f"Balanced split: speaker-independent, text-independent. {number}",
        f"Leave-one-out split: test speakers are unheard in training. {number}",
        "Stratified split. Test speakers over the folds carried out: none yet.",
    ]
    assert f"Protocol of ravdess, actor split (balanced): {protocol}." in words
    columns = re.findall(r"\\begin\{tabular\}\{([lr]+)\}", table1_tex(table))[0]
    assert len(columns) == len(row)
    text = write_report(made.folder).read_text(encoding="utf-8")
    assert "balanced split, quaternion" in text
    assert figure2(read_study(made.folder, made.folder / "studies" / "made.json")).splits == ["balanced"]


def test_the_csv_has_one_line_per_cell_and_numbers_in_full(whole):
    table = table_of(whole)
    lines = list(csv.DictReader(io.StringIO(table1_csv(table))))
    assert len(lines) == len(table.cells) == 18
    for line, cell in zip(lines, table.cells, strict=True):
        assert (line["corpus"], line["split"], line["network"]) == (cell.corpus, cell.split, cell.network)
        for name, value in (("accuracy", cell.accuracy), ("uar", cell.uar), ("difference", cell.difference)):
            if value is None:
                assert line[name] == line[f"{name}_low"] == ""
            else:
                assert float(line[name]) == value.estimate
                assert float(line[f"{name}_low"]) == value.low
                assert float(line[f"{name}_high"]) == value.high
        assert line["p_holm"] == ("" if cell.p_adjusted is None else repr(cell.p_adjusted))
        assert line["anti_transfer"] == cell.method
    beside = [line["paper_accuracy"] for line in lines if line["anti_transfer"] == "single S"]
    assert beside == ["0.4956", "0.4667", "0.5711", "0.5167"]


def test_the_latex_has_as_many_columns_everywhere_and_escapes(made):
    made.recogniser(corpus=r"a_b&c\d%{x}", skill=0.9, split="random")
    made.recogniser("single S", 2, corpus=r"a_b&c\d%{x}", skill=0.2, split="random")
    made.recogniser("single S", 2, corpus=r"a_b&c\d%{x}", skill=0.2)
    text = table1_tex(table_of(made))
    assert text.isascii()
    assert r"a\_b\&c\textbackslash{}d\%\{x\}" in text
    (columns,) = re.findall(r"\\begin\{tabular\}\{([lr]+)\}", text)
    depth = 0
    for sign in re.sub(r"\\[{}]", "", text):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0
    for line in text.splitlines():
        if line.endswith(r"\\"):
            spanned = sum(int(width) - 1 for width in re.findall(r"\\multicolumn\{(\d+)\}", line))
            assert len(re.findall(r"(?<!\\)&", line)) + 1 + spanned == len(columns)
    assert re.search(r"\$-\$\d+\.\d", text)
    rules = re.findall(r"\\cmidrule\(lr\)\{(\d+)-(\d+)\}", text)
    assert rules[0] == ("5", "6")
    assert int(rules[-1][1]) == len(columns)
    assert all(int(after[0]) == int(before[1]) + 1 for before, after in itertools.pairwise(rules))


def test_a_study_of_pretraining_alone_has_empty_tables(made):
    made.pretraining("rh-emo-1")
    assert table_of(made).cells == ()
    page = write_report(made.folder)
    assert "plans no recognisers" in page.read_text(encoding="utf-8")
    assert "No runs yet." in (made.folder / "table1.md").read_text()
