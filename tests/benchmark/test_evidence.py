"""The picture of all differences: those of the committed tables, each with its sign and its interval."""

import re
from pathlib import Path

from benchmarks.evidence import EVIDENCE, PICTURE, Row, panels, picture
from benchmarks.recognisers._folds import Places
from hamiltone.measures import Interval


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_the_committed_picture_is_that_of_the_committed_tables() -> None:
    rows = panels(EVIDENCE, Places())
    told = texts((EVIDENCE / PICTURE).read_text(encoding="utf-8"))
    for title, its in rows.items():
        assert told.count(title) == 1
        assert [told.count(row.label) for row in its] == [
            sum(row.label == other.label for all_rows in rows.values() for other in all_rows) for row in its
        ]
    values = [f"{row.difference.estimate:+.1f}" for its in rows.values() for row in its]
    assert [text for text in told if re.fullmatch(r"[+-]\d\.\d", text)] == values


def test_rows_of_a_study_are_its_differences_in_points(tmp_path: Path) -> None:
    heading = "network,anti_transfer,difference,difference_low,difference_high,speakers\n"
    for name in ("ravdess-folds", "ravdess-continued", "ravdess-controls", "emodb-folds"):
        (tmp_path / name).mkdir()
        content = "quaternion,none,,,,18\ncontinued,single S,0,0,0,18\ncontinued,dual SW,0.02,-0.01,0.05,18\n"
        (tmp_path / name / "table1.csv").write_text(heading + content)
    found = list(panels(tmp_path, Places()).values())[1:]
    expected = [Row("a baseline that goes on from a baseline", Interval(2.0, -1.0, 5.0, 18))]
    assert found == [expected] * 4


def test_a_difference_that_does_not_exclude_none_is_grey() -> None:
    def drawn(low: float, high: float) -> str:
        return picture({"one": [Row("a", Interval(1.0, low, high, 6))]})

    assert drawn(0.5, 1.5).count("#0072b2") and not drawn(-0.5, 2.5).count("#0072b2")
