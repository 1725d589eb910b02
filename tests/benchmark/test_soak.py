"""The figures of a soak in its page."""

from pathlib import Path

import pytest

from benchmarks.soak import BEGIN, END, main

REPORT = """<testsuites><testsuite time="90.0">
<testcase classname="tests.b" name="test_kills" time="61.2"><properties>
<property name="kills" value="1000"/><property name="that went on" value="7"/></properties></testcase>
<testcase classname="tests.a" name="test_disk" time="28.0">{inner}</testcase>
</testsuite></testsuites>"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    return path


def soak(page: Path, inner: str) -> None:
    report = page.with_name("soak.xml")
    report.write_text(REPORT.format(inner=inner), encoding="utf-8")
    main([str(report), "--page", str(page)])


def test_figures_stand_in_the_order_of_the_tests(page: Path) -> None:
    soak(page, '<properties><property name="sizes" value="42"/></properties>')
    text = page.read_text(encoding="utf-8")
    assert "old" not in text and text.startswith("before\n") and text.endswith("after\n")
    rows = ["| sizes | 42 | 28 |", "| kills | 1,000 | 61 |", "| that went on | 7 |  |"]
    assert [line for line in text.splitlines() if line.startswith("|")][2:] == rows
    assert ": 2 minutes, 2 tests passed, none failed" in text


def test_what_was_skipped_is_named(page: Path) -> None:
    soak(page, '<skipped message="no strace"/>')
    assert "1 tests passed, 1 skipped (test_disk)" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("inner", ["<failure/>", "<error/>"])
def test_a_soak_that_failed_tells_nothing(page: Path, inner: str) -> None:
    with pytest.raises(SystemExit, match="test_disk failed"):
        soak(page, inner)
    assert "old" in page.read_text(encoding="utf-8")


def test_no_report_is_a_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="cannot be read"):
        main([str(tmp_path / "none.xml")])
