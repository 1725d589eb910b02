"""What README and docs show: commands that exist, code that runs, examples that work, a site without a warning."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from hamiltone.cli import app
from hamiltone.corpora import CorpusError, load_corpus
from hamiltone.service import model_folder

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "made")]
TOUR = sorted((ROOT / "examples" / "tour").glob("*.py"))
NEEDS_RUNS = (
    "adapt(CorpusSettings",
    "serve(",
    "target=serve",
    "read_settings(",
    "read_study(",
    "run_study(",
    "load_recognizer(",
)


def _commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
        for line in re.findall(r"^(?: {4,}|```\w*\n)?(hamiltone [a-z].*)$", text, re.MULTILINE):
            yield page.relative_to(ROOT).as_posix(), line


COMMANDS = sorted(set(_commands()))


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{page}: {line[:60]}" for page, line in COMMANDS])
def test_a_command_that_is_shown_can_be_given(page: str, line: str) -> None:
    words = shlex.split(line.split(" | ", maxsplit=1)[0], comments=True)[1:]
    command = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        assert words and words[0] in command.commands, f"{page}: there is no such verb: {line}"
        command = command.commands[words.pop(0)]
    parser = command.make_parser(command.make_context("hamiltone", [], resilient_parsing=True))
    parser.parse_args(words)  # an option that there is not is an error
    for path in re.findall(r"\bconfigs/[\w./-]+\.toml", line):
        assert (ROOT / path).is_file(), f"{page} names {path}"


def test_commands_were_found() -> None:
    assert len(COMMANDS) > 50


def _blocks() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        for number, block in enumerate(blocks):
            yield f"{page.stem}-{number}", block


@pytest.mark.parametrize("block", [pytest.param(block, id=name) for name, block in _blocks()])
def test_python_that_is_shown_runs(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """In a folder that holds what it names: recordings, a trained model, corpora where they are here."""
    monkeypatch.chdir(tmp_path)
    if "from .." in block:  # a file of the package itself: docs/extending.md tells where it goes
        compile(block, "page", "exec")
        return
    if any(name in block for name in NEEDS_RUNS):  # hours of training, or no end: what it imports is there
        imports: list[ast.stmt] = [
            node for node in ast.parse(block).body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        block = ast.unparse(ast.Module(imports, []))
    for name in re.findall(r"\w+\.(?:wav|mp3)", block):
        (tmp_path / name).write_bytes(Path(_voice()).read_bytes())
    for name in re.findall(r"(?:runs/[\w/-]+|RUN)/model", block):
        shutil.copytree(model_folder(None), tmp_path / name)
    if "speech/" in block:
        (tmp_path / "speech").symlink_to(request.getfixturevalue("speech_data"))
    exec(compile(block, "page", "exec"), {"__name__": "page"})


def _voice() -> str:
    try:
        return load_corpus("synthetic").table["path"].iloc[0]
    except CorpusError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("script", TOUR, ids=[script.stem for script in TOUR])
def test_an_example_runs(script: Path, tmp_path: Path) -> None:
    _voice()
    if script.stem == "study_on_ray":
        pytest.importorskip("ray", reason="Ray is not installed: pip install 'hamiltone[ray]'")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.skipif(find_spec("sphinx") is None, reason="Sphinx is not installed: pip install 'hamiltone[docs]'")
def test_the_site_is_made_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-d", tmp_path / "trees", "-E", "-W", "--keep-going", "-q"]
    done = subprocess.run(
        [*command, ROOT / "docs", tmp_path / "site"], check=False, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    for page in ("index", "method", "paths/recognise", "made/commands", "made/quaternion", "made/resnet"):
        assert (tmp_path / "site" / f"{page}.html").is_file()
    text = (tmp_path / "site" / "made" / "commands.html").read_text(encoding="utf-8")
    assert "predict" in text
    assert "--same-speaker" in text
