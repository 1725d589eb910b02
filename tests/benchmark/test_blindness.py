"""Probes of the compared networks: the table of all runs, intervals over folds, and the page."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from benchmarks.recognisers import ComparisonError, Places, run_fold
from benchmarks.recognisers._blindness import followed, write_blindness
from benchmarks.recognisers._probes import COLUMNS, probe_runs, read_probes
from benchmarks.recognisers._results import FoldFacts, SystemResults, add_fold
from hamiltone.corpora import load_corpus
from hamiltone.records import predictions_table

SYSTEMS = """
[systems.plain]
kind = "network"
title = "plain"
settings = "tiny.toml"

[systems.punished]
kind = "network"
title = "punished"
settings = "tiny.toml"
compared_with = "plain"
overrides = ["training.learning_rate=2e-3"]
"""
TINY = """
[network]
kind = "vgg"
depth = 11
width = 0.0625
algebra = "real"

[front]
kind = "spectrogram"

[training]
epochs = 1
"""
PROTOCOL = """
title = "Voices"
about = "Synthetic ones."

[corpus]
name = "synthetic"

[split]
kind = "actor"
folds = 3
"""
EMPTY_PAGE = "Before\n<!-- probes -->\n<!-- end of the probes -->\nAfter\n"


def quiet(*_: object) -> None:
    pass


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "voices.toml").write_text(PROTOCOL)
    (tmp_path / "systems.toml").write_text(SYSTEMS)
    (tmp_path / "tiny.toml").write_text(TINY)
    return Places(tmp_path / "systems.toml", tmp_path / "protocols", tmp_path / "results", tmp_path / "runs")


def test_the_rank_correlation_is_of_the_pairs_that_both_systems_have(places: Places) -> None:
    rng = np.random.default_rng(1)
    told, recalls, rows = {}, {}, []
    labels = ("a", "b")
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    clips = load_corpus("synthetic").select(list(range(8)))
    for system in ("plain", "punished"):
        for fold in range(4):
            if (system, fold) == ("punished", 3):
                continue  # one system lacks a fold
            accuracy = round(rng.random(), 3)
            told[system, fold] = accuracy
            rows += [(system, fold, 0, layer, f"l{layer}", "speaker", accuracy * layer / 2, 0.3) for layer in (1, 2)]
            wrong = int(rng.integers(0, 8))
            named = np.where(np.arange(8) < wrong, 1 - truth, truth)
            recalls[system, fold] = np.mean([(named[truth == one] == one).mean() for one in (0, 1)])
            results = SystemResults(
                system=system, protocol="voices", configuration="c", labels=labels, of_folds=4, corpus="c", folds=()
            )
            facts = FoldFacts(fold=fold, seed=0, split="s", parameters=1, model_bytes=1, minutes=1, versions={})
            add_fold(places.results, results, facts, predictions_table(clips, truth, np.eye(2)[named], labels))
    written_rows = pd.DataFrame(rows, columns=list(COLUMNS))
    found = followed(written_rows, "punished", "plain", "voices", places)
    of_speaker, of_recall = ([of["punished", fold] - of["plain", fold] for fold in range(3)] for of in (told, recalls))
    assert found.pairs == 3
    assert found.rho == pytest.approx(float(np.asarray(spearmanr(of_speaker, of_recall)[0])))
    with pytest.raises(ComparisonError, match="other has no results on voices"):
        followed(written_rows.replace("plain", "other"), "punished", "other", "voices", places)


def test_runs_are_probed_and_told(places: Places) -> None:
    page = places.systems.parent / "page.md"
    page.write_text(EMPTY_PAGE)
    with pytest.raises(ComparisonError, match=r"is no finished run: python -m benchmarks\.recognisers train"):
        probe_runs("voices", ["plain"], places, quiet)
    with pytest.raises(ComparisonError, match=r"probes\.csv\.gz is not there"):
        write_blindness("voices", places, page)
    for system in ("plain", "punished"):
        for fold in range(3):
            run_fold(system, "voices", fold, 0, places, why="a test", report=quiet)
    probe_runs("voices", ["plain"], places, quiet)
    path = probe_runs("voices", ["punished"], places, quiet)
    table = read_probes(path)
    assert set(table["system"]) == {"plain", "punished"}
    assert len(set(table.groupby(["system", "fold", "seed", "target"]).size())) == 1
    before = path.read_bytes()
    probe_runs("voices", ["plain"], places, quiet)
    assert path.read_bytes() == before
    write_blindness("voices", places, page)
    text = page.read_text()
    assert "## Of who speaks" in text and "| punished, less plain |" in text and "over 3 pairs of runs" in text
    assert ElementTree.parse(page.parent / "blindness.svg").getroot().tag.endswith("svg")


def test_the_committed_probes_make_the_committed_page(tmp_path: Path) -> None:
    evidence = Path(__file__).parents[2] / "docs" / "evidence"
    page = tmp_path / "blindness.md"
    page.write_text((evidence / "blindness.md").read_text())
    write_blindness("ravdess8", Places(), page)
    assert page.read_text() == (evidence / "blindness.md").read_text()
