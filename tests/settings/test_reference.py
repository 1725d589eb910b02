"""The reference of settings: complete, true, and the same on the page."""

import tomllib
from pathlib import Path

import pytest

from hamiltone.corpora import SplitSettings
from hamiltone.settings import RunSettings, SettingsError, describe, laid_over, reference_page, settings_from

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
KEYS = describe()


def test_the_page_is_what_the_command_prints() -> None:
    assert PAGE.read_text() == reference_page()


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key.path}-{key.kind}")
def test_every_key_says_what_it_means_and_takes_its_example(key) -> None:
    assert key.meaning
    assert key.type
    if "[]" in key.path or "..." in key.example:
        return
    kinds = {"network": key.kind, "front": key.kind} if key.kind else {}
    content = tomllib.loads(key.example)
    table = key.path.partition(".")[0]
    base = {"name": "a", "out": "b", "corpus": {"name": "ravdess"}, "front": {"source": "runs/rh-emo-2"}}
    if table in kinds:
        base = laid_over(base, {table: {"kind": kinds[table]}})
    if table == "anti_transfer":
        base = laid_over(base, {table: {"orthogonal": "runs/word", "layers": [1]}})
    if table == "rh_emo":
        base = laid_over(base, {"task": "rh-emo"}) | {"front": {}}
    if key.path == "label":
        base |= {"task": "speaker"}
    settings_from(laid_over(base, content), key.path)


def test_defaults_are_those_of_the_models() -> None:
    told = {key.path: key.default for key in KEYS if not key.kind}
    assert told["training.epochs"] == str(RunSettings.model_fields["training"].default.epochs)
    assert told["name"] == "required"
    assert told["init_from"] == ""


def test_one_key_a_table_and_what_there_is_not() -> None:
    (one,) = describe("training.epochs")
    assert (one.type, one.default, one.example) == ("whole number above 0", "500", "training.epochs = 500")
    assert {key.path for key in describe("split")} == {f"split.{name}" for name in SplitSettings.model_fields}
    with pytest.raises(SettingsError, match=r"training\.epoch: no such key; did you mean training\.epochs\?"):
        describe("training.epoch")


def test_a_misspelt_key_points_to_it() -> None:
    content = {"name": "a", "out": "b", "corpus": {"name": "ravdess"}, "training": {"epoch": 3}}
    with pytest.raises(
        SettingsError, match=r"unknown key training\.epoch; did you mean epochs\? \(hamiltone settings training"
    ):
        settings_from(content, "x.toml")


def test_the_old_name_of_beta_is_told() -> None:
    content = {"name": "a", "out": "b", "corpus": {"name": "ravdess"}, "anti_transfer": {"weight": 2}}
    with pytest.raises(SettingsError, match=r"weight is called beta.*anti_transfer\.beta"):
        settings_from(content, "x.toml")
