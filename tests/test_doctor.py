"""The diagnosis of an installation."""

import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from hamiltone.doctor import examine

EXTRAS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("name", EXTRAS)
def test_each_extra_is_looked_at(name: str) -> None:
    assert f"extra {name}" in {finding.what for finding in examine()}


@pytest.mark.parametrize("gone", ["fastapi", "onnxscript", "pocketsphinx"])
def test_what_an_extra_lacks_is_named(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def version_without(package: str) -> str:
        if package == gone:
            raise metadata.PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(metadata, "version", version_without)
    name = next(name for name, packages in EXTRAS.items() if any(package.startswith(gone) for package in packages))
    found = {finding.what: finding for finding in examine()}
    assert found[f"extra {name}"].mark == "note"
    assert found[f"extra {name}"].text == f"{gone} not installed; pip install 'hamiltone[{name}]'"
    assert found["extra ray"].mark == "ok"
