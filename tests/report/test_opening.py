"""The sentence that a report opens with, by what the runs allow to say."""

import re
from pathlib import Path

import pytest

import hamiltone
from hamiltone.report import interval_notes, write_report


def opening(page):
    return re.findall(r'<p class="opening">(.*?)</p>', page.read_text(encoding="utf-8"))


def test_with_too_few_speakers_a_study_says_that_the_order_of_methods_means_nothing(made):
    made.recogniser(speakers=2)
    made.recogniser("single S", 2, speakers=2, skill=0.9)
    (told,) = opening(write_report(made.write()))
    assert told.startswith("This shows that the method runs, and not which method is better: with 2 test speakers")
    assert told.endswith("the order of the methods means nothing.")


@pytest.mark.parametrize(("skill", "established"), [(0.98, True), (0.4, False)])
def test_a_study_says_which_differences_are_established(made, skill, established):
    made.recogniser(skill=0.4)
    made.recogniser("single S", 2, skill=skill)
    (told,) = opening(write_report(made.write()))
    if established:
        points = r"ravdess, actor split, quaternion, single S \+\d\d\.\d points\."
        assert re.fullmatch(rf"Of 1 comparison of anti-transfer with its baseline 1 is established: {points}", told)
    else:
        assert told.startswith("Of 1 comparison of anti-transfer with its baseline none is established:")


def test_a_study_without_a_pair_says_that_nothing_is_compared(made):
    made.recogniser()
    assert opening(write_report(made.write()))[0].startswith("So far nothing here is compared")


def test_a_study_of_some_folds_sends_whoever_fixes_layers_to_validation(made):
    made.recogniser()
    splits = [{"kind": "balanced", "folds": 6, "only": [0, 1]}, {"kind": "actor", "only": None}]
    (told,) = opening(write_report(made.write(splits=splits)))
    assert told.startswith("Here are folds 0, 1 of the balanced split alone; to fix layers or settings for the others")
    assert told.endswith("has no finished run of anti-transfer and its baseline.")


def test_runs_open_with_what_they_reach_beside_chance(tmp_path, make):
    record, predictions = make.full("one")
    make.write(tmp_path / "one", record, predictions)
    value, chance = 100 * record.test.accuracy.value, 100 * record.test.chance
    told = (
        f"{value:.1f} % of its test clips rightly, where always naming the commonest class would name {chance:.1f} %."
    )
    assert opening(write_report(tmp_path)) == [f"The recogniser names {told}"]
    make.write(tmp_path / "two", *make.full("two", seed=1))
    assert re.match(
        r"The 2 recognisers name \d.* % to \d.* % of their test clips rightly", opening(write_report(tmp_path))[0]
    )
    make.write(tmp_path / "alone" / "rh-emo", make.rh_emo())
    assert opening(write_report(tmp_path / "alone"))[0].startswith("No recogniser of emotions is here yet")


def test_the_order_of_several_runs_with_few_speakers_means_nothing(tmp_path, make):
    for name in ("one", "two"):
        make.write(tmp_path / name, *make.full(name, speakers=2))
    assert interval_notes(tmp_path).endswith("six are needed; the order of the methods means nothing.")


def test_the_report_looks_as_the_page_of_the_recogniser(tmp_path, make):
    folder = Path(hamiltone.__file__).parent / "service" / "page"
    make.write(tmp_path, *make.full())
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert (folder / "theme.css").read_text(encoding="utf-8") in text
    assert 'href="theme.css"' in (folder / "index.html").read_text(encoding="utf-8")
