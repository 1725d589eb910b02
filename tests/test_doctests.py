"""Every example in a docstring of the package gives what it says."""

import doctest
import importlib
from pathlib import Path

import pytest

import hamiltone

_PACKAGE = Path(hamiltone.__file__).parent


def _modules_with_examples() -> list[str]:
    files = [path for path in sorted(_PACKAGE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
    parts = [path.relative_to(_PACKAGE.parent).with_suffix("").parts for path in files]
    return [".".join(names).removesuffix(".__init__") for names in parts]


@pytest.mark.parametrize("module", _modules_with_examples())
def test_the_examples_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0
