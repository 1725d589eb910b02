"""A run on words has heard the recordings that they were cut from."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hamiltone.corpora import CorpusSettings, Split, WordSettings, load_corpus, load_utterances, split_random
from hamiltone.training import TrainingError
from hamiltone.training._lineage import Lineage, check_leaks, heard_by


@pytest.fixture
def tess(tmp_path: Path) -> Path:
    """Ten clips of a second, and where their four words lie."""
    lines = []
    for word in ("back", "bar", "base", "bath", "bean", "beg", "bite", "boat", "bone", "book"):
        path = tmp_path / "OAF_sad" / f"OAF_{word}_sad.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.full(16000, len(lines) / 100), 16000)
        lines.append(f'{path.stem} "SAY,THE,WORD,{word.upper()}," "0.1,0.2,0.5,0.8,1.0"\n')
    (tmp_path / "tess.alignment.txt").write_text("".join(lines))
    return tmp_path


def test_leaks_are_seen_both_ways(tess: Path):
    recordings, words = load_corpus("tess", tess), load_corpus("tess-words", tess)
    by_word = split_random(words, stratify=None, seed=1)
    heard = heard_by([by_word], Lineage())
    assert heard == {"tess": sorted({name[:-4] for part in ("train", "validation") for name in by_word.parts[part]})}
    tested = {name[:-4] for name in by_word.parts["test"]}
    same = Split("tess", "random", 0, {"train": tuple(heard["tess"]), "validation": (), "test": tuple(tested)})
    assert check_leaks(heard, same, "it", "refuse") == []
    turned = Split("tess", "random", 0, {"train": tuple(tested), "validation": (), "test": tuple(heard["tess"])})
    with pytest.raises(TrainingError, match=f"it was trained on {len(heard['tess'])} of the {len(heard['tess'])} test"):
        check_leaks(heard, turned, "it", "refuse")
    assert check_leaks(heard_by([turned], Lineage()), by_word, "it", "report") == [
        f"it was trained on {len(tested)} of the {len(tested)} test recordings"
    ]
    assert len(recordings) == 10


def test_words_of_the_recordings_that_a_split_trains_on(tess: Path):
    split = split_random(load_corpus("tess", tess), stratify=None)
    split.write(tess / "split.json")
    corpus = CorpusSettings(
        name="tess-words",
        root=str(tess),
        within=str(tess / "split.json"),
        words=WordSettings(min_letters=4),
        partial=True,
    )
    chosen = load_utterances(corpus).table
    assert {name[:-4] for name in chosen["utterance"]} == set(split.parts["train"])
    assert set(chosen["word"]) == {"word"} | {
        w for w in (name.split("_")[1] for name in split.parts["train"]) if len(w) > 3
    }


def test_alignments_may_lie_elsewhere_and_are_no_part_of_a_runs_identity(tess: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tess / "tess.alignment.txt").rename(elsewhere / "tess.alignment.txt")
    words = WordSettings(alignments=str(elsewhere))
    corpus = CorpusSettings(name="tess-words", root=str(tess / "OAF_sad"), words=words, partial=True)
    assert len(load_utterances(corpus)) == 40
    assert corpus.identity() == corpus.model_copy(update={"words": WordSettings()}).identity()
    assert corpus.identity() != corpus.model_copy(update={"words": WordSettings(most=2)}).identity()
