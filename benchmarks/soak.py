"""Figures of ``make soak`` for docs/reliability.md: what the long tests did, from the report that pytest writes.

python -m pytest -m soak --junitxml soak.xml tests/reliability
python -m benchmarks.soak soak.xml
"""

import argparse
import os
import sys
from pathlib import Path
from xml.etree import ElementTree

from hamiltone.errors import HamiltoneError
from hamiltone.machine import processor

from .pages import markdown_table, put_between

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- soak -->", "<!-- end of soak -->"


class SoakError(HamiltoneError):
    """A report that is none of tests that passed."""


def figures(report: Path) -> str:
    """The table of a report: what each test recorded (``record_property``), in the order of their names.

    Raises:
        SoakError: it cannot be read, or a test failed.
    """
    try:
        suite = ElementTree.parse(report).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise SoakError(f"{report}: cannot be read ({error}); run make soak") from None
    cases = sorted(suite.iter("testcase"), key=lambda case: (case.get("classname", ""), case.get("name", "")))
    failed = [case.get("name", "") for case in cases if {"failure", "error"} & {part.tag for part in case}]
    if failed:
        raise SoakError(f"{report}: {', '.join(failed)} failed; the page tells of soaks that passed")
    rows = []
    for case in cases:
        seconds = f"{float(case.get('time', 0)):,.0f}"
        for told in case.iter("property"):
            rows.append((told.get("name", ""), f"{int(told.get('value', '0')):,}", seconds))
            seconds = ""
    minutes = sum(float(one.get("time", 0)) for one in suite.iter("testsuite")) / 60
    skipped = [case.get("name", "") for case in cases if case.find("skipped") is not None]
    place = f"{os.cpu_count()} cores of {processor()}"
    told = f"\nOne `make soak` on {place}: {minutes:.0f} minutes, {len(cases) - len(skipped)} tests passed"
    told += f", {len(skipped)} skipped ({', '.join(skipped)}).\n\n" if skipped else ", none failed.\n\n"
    return told + markdown_table(["what", "how many", "seconds of the test"], rows) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Put the table into the page; a mistake is one line and exit code 1."""
    parser = argparse.ArgumentParser("python -m benchmarks.soak", description="Put a soak's figures into the page.")
    parser.add_argument("report", type=Path, help="what pytest wrote with --junitxml")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that the table goes into")
    asked = parser.parse_args(arguments)
    try:
        put_between(asked.page, BEGIN, END, figures(asked.report))
    except HamiltoneError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
