"""Tables of one kind laid over those of another."""

from pathlib import Path

import pytest

from hamiltone.settings import ResidualSettings, SettingsError, VGGSettings, laid_over, read_settings

RUN = """
name = "a"
out = "b"
corpus = { name = "synthetic" }
front = { kind = "spectrogram", scale = "decibel", statistics = { corpus = { name = "ravdess" } } }
network = { depth = 11, algebra = "real", norm = "batch" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "run.toml").write_text(RUN)
    return tmp_path / "run.toml"


@pytest.mark.parametrize(
    "overrides",
    [
        ["network={kind = 'residual', stem = 8}"],
        ["network.kind=residual", "network.stem=8"],
        ["network.stem=8", "network.kind=residual"],
    ],
)
def test_another_kind_of_network_begins_anew(file: Path, overrides: list[str]) -> None:
    assert read_settings(file, overrides).network == ResidualSettings(stem=8)


def test_the_same_kind_is_laid_over(file: Path) -> None:
    kept = VGGSettings(depth=13, algebra="real", norm="batch")
    assert read_settings(file, ["network={kind = 'vgg', depth = 13}"]).network == kept
    assert read_settings(file, ["network.depth=13"]).network == kept


def test_a_file_of_another_kind_extends_one(file: Path) -> None:
    above = file.with_name("above.toml")
    above.write_text('extends = "run.toml"\n[network]\nkind = "residual"\n')
    assert read_settings(above).network == ResidualSettings()


def test_fronts_keep_what_both_kinds_have_from_one_class(file: Path) -> None:
    derivatives = read_settings(file, ["front.kind=derivatives"]).front
    assert derivatives.model_dump()["scale"] == "decibel"
    bands = read_settings(file, ["front.kind=log-mel"]).front
    assert bands.statistics is not None
    assert "scale" not in bands.model_dump()


def test_what_is_asked_for_is_never_dropped_and_unknown_kinds_are_told(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"unknown key network\.depth"):
        read_settings(file, ["network.depth=13", "network.kind=residual"])
    with pytest.raises(SettingsError, match="kind 'vgh' is none of"):
        read_settings(file, ["network.kind=vgh"])


def test_other_tables_with_a_kind_are_merged() -> None:
    below = {"split": {"kind": "actor", "fractions": [1]}}
    assert laid_over(below, {"split": {"kind": "random"}}) == {"split": {"kind": "random", "fractions": [1]}}
