"""The simulation of intervals: its true values, its coverage, and the page that it writes."""

import numpy as np
import pytest

from benchmarks import intervals
from benchmarks.intervals import BEGIN, CASES, END, KINDS, PAGE, SPEAKERS, coverage, main, simulated, true_value


def test_the_true_values_are_those_of_very_many_speakers():
    generator = np.random.default_rng(0)
    for case in CASES:
        data = simulated(generator, 20_000, case.recalls)
        method, baseline = (float(case.measure(data.counts(answer).sum(0))) for answer in (0, 1))
        assert true_value(case) == pytest.approx(method - baseline if case.compared else baseline, abs=0.004)


def test_a_speakers_counts_are_those_of_their_clips():
    data = simulated(np.random.default_rng(1), 6, (0.65, 0.6))
    counts = data.counts(0)
    assert counts.sum() == len(data.truth)
    chosen = (data.speakers == 3) & (data.truth == 2)
    assert counts[3, 2].tolist() == [int(np.sum(data.answers[0][chosen] == named)) for named in range(4)]
    assert counts[3, 2].sum() >= 2


def test_percentiles_hold_the_true_value_less_often_than_the_package():
    recall = coverage(CASES[0], 6, 200)
    assert recall["percentile bootstrap"][0] < 0.91
    assert recall["t, jackknife (here)"][0] > 0.93
    assert recall["percentile bootstrap"][1] < recall["t, jackknife (here)"][1]
    assert recall == coverage(CASES[0], 6, 200)


def test_the_table_goes_into_its_page(tmp_path, monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 20)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    main(["--trials", "2", "--page", str(page)])
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n\n2 simulated sets")
    assert text.endswith(f"{END}\nafter\n")
    assert text.count("\n| ") == 1 + len(CASES) * len(KINDS)
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(SystemExit, match="lacks the lines"):
        main(["--trials", "2", "--page", str(page)])


def test_the_committed_page_has_every_cell():
    rows = [
        line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith(tuple(f"| {case.title} |" for case in CASES))
    ]
    assert len(rows) == len(CASES) * len(KINDS)
    assert all(row.count("(0.") == len(SPEAKERS) for row in rows)
