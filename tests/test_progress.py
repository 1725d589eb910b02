"""Bars are for terminals; lines are for everybody."""

import os
import subprocess
import sys

import pytest
from rich.progress import MofNCompleteColumn

from hamiltone.progress import Bars


@pytest.fixture(params=[True, False], ids=["terminal", "file"])
def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    if request.param:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
    return request.param


@pytest.mark.parametrize("quiet", [True, False])
def test_bars_are_shown_in_a_terminal_and_lines_always(
    terminal: bool, quiet: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with Bars(MofNCompleteColumn(), quiet=quiet) as bars:
        task = bars.progress.add_task("[some] work", total=8)
        bars.progress.update(task, completed=5)
        bars.progress.refresh()
        bars.say("a line [of] 3 words " + "and more " * 30)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ("[some] work" in shown.err) == ("5/8" in shown.err) == bars.shown == (terminal and not quiet)
    # Neither styled, nor cut or broken where it is long.
    assert (("a line [of] 3 words " + "and more " * 30).strip() in shown.err) != quiet
    if not terminal:
        assert shown.err.count("\n") == (not quiet)


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")
def test_what_goes_to_a_file_is_not_shown_with_the_bars() -> None:
    """The bars are in a terminal, and results go elsewhere: whole, whatever the terminal's width."""
    line = "a result " * 30
    script = (
        "from rich.progress import MofNCompleteColumn\nfrom hamiltone.progress import Bars\n"
        f"with Bars(MofNCompleteColumn()) as bars:\n    assert bars.shown\n    print({line!r})\n"
    )
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "40"}
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True, check=True
    )
    os.close(theirs)
    os.close(ours)
    assert done.stdout == f"{line}\n"
