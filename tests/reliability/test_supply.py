"""What is installed beside our own code, and what our own code never does."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.audit import verdict

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASKED = [
    Requirement(text)
    for texts in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in texts
]


WITH_PYTHON = {"pip", "setuptools"}
"""What an environment has from the beginning."""


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [re.match(r"([\w.-]+)==(\S+)", line) for line in lines]
    return {canonicalize_name(each[1]): each[2] for each in found if each}


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_each_dependency_has_a_floor_and_a_pin_above_it(asked: Requirement) -> None:
    (floor,) = asked.specifier
    assert floor.operator == ">="
    assert Version(pins("constraints.txt")[canonicalize_name(asked.name)]) in asked.specifier


def test_nothing_that_these_need_is_without_a_pin() -> None:
    """As far as it is installed here."""
    known, waiting, seen = pins("constraints.txt"), list(ASKED), set()
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        assert name in known or name in WITH_PYTHON, f"{name} has no pin"
        for need in map(Requirement, needs):
            extras = asked.extras or {""}
            if (
                any(need.marker is None or need.marker.evaluate({"extra": extra}) for extra in extras)
                and (key := (need.name, *sorted(need.extras))) not in seen
            ):
                seen.add(key)
                waiting.append(need)


HARMFUL = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}
CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "os.system", "yaml.load", "yaml.unsafe_load"}
CALLS |= {"pd.read_pickle", "pandas.read_pickle"}


def doubtful(tree: ast.AST) -> Iterator[str]:
    """What turns bytes into code, or text into a command."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            yield from (name for name in names if name.split(".")[0] in HARMFUL)
        elif isinstance(node, ast.Call):
            if (name := ast.unparse(node.func)) in CALLS:
                yield name
            yield from (f"{name}({word.arg})" for word in node.keywords if word.arg in {"shell", "allow_pickle"})


def test_what_is_looked_for_is_found() -> None:
    code = (
        "import pickle\nfrom joblib import load\ntorch.load(x)\nnp.load(x)\nnp.load(x, allow_pickle=y)\nrun(x, shell=1)"
    )
    assert list(doubtful(ast.parse(code))) == ["pickle", "joblib", "torch.load", "np.load(allow_pickle)", "run(shell)"]


def test_no_code_is_made_of_data() -> None:
    found = {}
    for path in (ROOT / "src").rglob("*.py"):
        if names := list(doubtful(ast.parse(path.read_text(encoding="utf-8")))):
            found[path.name] = names
    # Released weights are a pickle, and so are those of an installed package that tell voices apart: the torch loader
    # that makes tensors alone reads them; the former, which may be anybody's, in a restricted process.
    assert found == {"_released_worker.py": ["torch.load"], "_voice_encoder.py": ["torch.load"]}
    for place in ("training/_released_worker.py", "speech/_voice_encoder.py"):
        assert "weights_only=True" in (ROOT / "src/hamiltone" / place).read_text(encoding="utf-8")


AUDITED = {
    "dependencies": [
        {"name": "a", "version": "1.0", "vulns": []},
        {"name": "b", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]},
        {"name": "c", "skip_reason": "not found"},
    ]
}


@pytest.mark.parametrize("faulty", [True, False])
def test_a_known_fault_of_a_pin_is_told_and_fails(faulty: bool, capsys: pytest.CaptureFixture[str]) -> None:
    output = json.dumps({"dependencies": [one for one in AUDITED["dependencies"] if faulty or one["name"] != "b"]})
    assert verdict(output, "") == int(faulty)
    told = capsys.readouterr().out
    assert ("b 2.0: PYSEC-1; mended in 2.1: renew its pin" in told) == faulty
    assert f"{1 + faulty} of {2 + faulty} pinned packages were looked up" in told


@pytest.mark.parametrize("output", ["", "[]", "{}"])
def test_without_the_database_the_audit_is_skipped_and_says_so(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(output, "ERROR\nConnectionError: no route") == 0
    assert (
        "skipped: the database of known faults cannot be reached (ConnectionError: no route)" in capsys.readouterr().out
    )
