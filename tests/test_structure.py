"""The size of modules and functions: what has grown too long to be read at once is told by name."""

import ast
from pathlib import Path

import pytest

import hamiltone

MODULES = sorted(Path(hamiltone.__file__).parent.rglob("*.py"))
LONGEST_MODULE = 300
LONGEST_FUNCTION = 60


def functions(source: str) -> list[tuple[str, int]]:
    """The functions of a module, of which several may have one name, and how many lines each has."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in found]


def test_functions_are_measured_with_their_docstrings_and_within_classes() -> None:
    source = 'class One:\n    def two(self):\n        """Three."""\n        return 4\n\n\nasync def two():\n    pass\n'

    assert sorted(functions(source)) == [("two", 2), ("two", 3)]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: "/".join(path.parts[-2:]))
def test_a_module_can_be_read_at_once(module: Path) -> None:
    source = module.read_text(encoding="utf-8")

    assert len(source.splitlines()) <= LONGEST_MODULE
    assert [(name, lines) for name, lines in functions(source) if lines > LONGEST_FUNCTION] == []


def test_corpora_show_their_rooms_and_a_face() -> None:
    top = [path.name for path in (Path(hamiltone.__file__).parent / "corpora").glob("*.py")]

    assert top == ["__init__.py"]
