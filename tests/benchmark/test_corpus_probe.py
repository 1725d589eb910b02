"""The probe for the corpus: what it measures of a recording, and that it can tell, or cannot."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import corpus_probe
from benchmarks.corpus_probe import main, measured, probed, told, told_apart
from hamiltone.corpora import Utterances, load_corpus
from hamiltone.speech import LogMel

CORPORA = np.repeat(np.array(["a", "b", "c"], dtype=object), 80)
SPEAKERS = np.array([f"s{place // 10}" for place in range(240)], dtype=object)


def noise(seconds: float) -> np.ndarray:
    samples = int(16000 * seconds)
    return (0.1 * np.random.default_rng(0).standard_normal(samples) * np.hanning(samples)).astype(np.float32)


def test_a_gain_changes_the_level_and_nothing_of_the_front():
    sound = noise(2.0)
    loud, quiet = measured(sound, LogMel()), measured(sound * np.float32(0.01), LogMel())
    changed = {name for name in loud if not np.allclose(loud[name], quiet[name], atol=1e-3)}
    assert changed == {"level of the recording"}
    assert loud["level of the recording"] - quiet["level of the recording"] == pytest.approx(40, abs=1e-3)
    assert loud["length of the recording"] == 32000
    assert 150 < loud["length of the speech, of the front"][0] <= 200


def test_bandwidth_is_heard_by_the_highest_bands():
    name = "the highest bands (5.7 kHz and above), of the front"
    sound = noise(1.0)
    spectrum = np.fft.rfft(sound)
    spectrum[len(spectrum) // 2 :] = 0
    narrow = np.fft.irfft(spectrum).astype(np.float32)
    assert measured(narrow, LogMel())[name] < measured(sound, LogMel())[name] - 1


@pytest.mark.parametrize("values", [1, 3])
def test_corpora_are_told_apart_where_something_tells_them(values):
    chance = np.random.default_rng(0)
    place = np.array([{"a": 0.0, "b": 5.0, "c": -5.0}[name] for name in CORPORA])
    telling = place[:, None] + chance.standard_normal((240, values))
    assert (told_apart(telling, CORPORA, SPEAKERS) == CORPORA).mean() > 0.9
    assert (told_apart(chance.standard_normal((240, values)), CORPORA, SPEAKERS) == CORPORA).mean() < 0.5


@pytest.fixture
def few() -> Utterances:
    """Some synthetic voices, as of two corpora."""
    corpus = load_corpus("synthetic")
    some = corpus.select(np.arange(len(corpus)) % 8 == 0)
    return replace(some, table=some.table.assign(utterance=[f"{place % 2}/{place}" for place in range(len(some))]))


def test_the_table_of_real_recordings(few: Utterances):
    seen = []
    found = probed(few, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(few), len(few))
    text = told(few, found)
    assert f"{len(few)} recordings of {few.table['speaker'].nunique()} speakers" in text
    assert text.count("\n| ") == 7


def test_a_page_without_a_place_is_one_line(tmp_path, monkeypatch, few: Utterances):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    monkeypatch.setattr(corpus_probe, "fold_dataset", lambda *_: SimpleNamespace(utterances=few))
    with pytest.raises(SystemExit, match="lacks the lines <!-- corpora told apart -->"):
        main(["--page", str(page)])
    page.write_text("<!-- corpora told apart -->\n<!-- end of the corpora -->\n")
    main(["--page", str(page)])
    assert "| length of the recording | 0." in page.read_text()
