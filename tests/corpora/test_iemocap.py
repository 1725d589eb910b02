"""IEMOCAP in trees of its exact layout, with its oddities."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hamiltone.corpora import CorpusError, Utterances, affect_targets, load_corpus

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
Turn = tuple[str, str, str]  # utterance, label, ratings


def made(root: Path, dialogues: Mapping[str, Sequence[Turn]], above: str = "IEMOCAP_full_release") -> Path:
    for dialogue, turns in dialogues.items():
        session = root / above / f"Session{dialogue[4]}"
        recordings = session / "sentences" / "wav" / dialogue
        evaluations, texts = session / "dialog" / "EmoEvaluation", session / "dialog" / "transcriptions"
        for folder in (recordings, evaluations / "Categorical", texts, session / "dialog" / "wav"):
            folder.mkdir(parents=True, exist_ok=True)
        lines, said = [HEADER], []
        for number, (utterance, label, ratings) in enumerate(turns):
            (recordings / f"{utterance}.wav").touch()
            time = f"{number:08.4f}", f"{number + 0.9:08.4f}"
            lines.append(f"[{time[0]} - {time[1]}]\t{utterance}\t{label}\t[{ratings}]\n")
            lines.append(
                "C-E2:\tNeutral;\t()\nC-F1:\tOther;\t(d\u00e9j\u00e0 vu)\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"
            )
            said.append(f"{utterance} [{time[0]}-{time[1]}]: Turn {number}, [LAUGHTER] well.\n")
        (recordings / f"._{turns[0][0]}.wav").touch()
        (evaluations / f"{dialogue}.txt").write_text("".join(lines), encoding="latin-1")
        (evaluations / f"._{dialogue}.txt").write_bytes(b"\0\5\x16\7\0")
        (evaluations / "Categorical" / f"{dialogue}_e2_cat.txt").write_text(f"{turns[0][0]} :Anger; ()\n")
        (texts / f"{dialogue}.txt").write_text("".join([*said, "M: [BREATHING]\n", "\n"]), encoding="utf-8")
        (session / "dialog" / "wav" / f"{dialogue}.wav").touch()
    return root


SMALL = {
    "Ses01F_impro01": [
        ("Ses01F_impro01_F000", "neu", "2.5000, 2.5000, 2.5000"),
        ("Ses01F_impro01_M000", "exc", "4.0000, 4.3333, 3.0000"),
        ("Ses01F_impro01_F001", "xxx", "2.6667, 1.0000, 5.0000"),
    ],
    "Ses01M_script01_1": [("Ses01M_script01_1_F003", "ang", "1.5000, 4.5000, 5.5000")],
    "Ses05M_script01_1": [("Ses05M_script01_1_M000", "sad", "2.0000, 2.0000, 0.5000")],
    "Ses05M_script01_1b": [
        ("Ses05M_script01_1b_M001", "hap", "4.5000, 3.0000, 3.0000"),
        ("Ses05M_script01_1b_F000", "fru", "2.0000, 3.5000, 3.5000"),
    ],
}
CLASSES = ["neutral", "anger", "happiness", "sadness"]


def columns(utterances: Utterances, *names: str) -> list[tuple[str, ...]]:
    return list(utterances.table.loc[:, list(names)].astype(object).fillna("-").itertuples(index=False, name=None))


@pytest.mark.parametrize("above", ["", "IEMOCAP_full_release", "corpora/IEMOCAP_full_release"])
def test_the_layout_is_read(tmp_path: Path, above: str):
    utterances = load_corpus("iemocap", made(tmp_path, SMALL, above))
    assert columns(utterances, "utterance", "speaker", "session", "emotion") == [
        ("Ses01F_impro01_F000", "Ses01F", "1", "neutral"),
        ("Ses01F_impro01_F001", "Ses01F", "1", "-"),
        ("Ses01F_impro01_M000", "Ses01M", "1", "-"),
        ("Ses01M_script01_1_F003", "Ses01F", "1", "anger"),
        ("Ses05M_script01_1_M000", "Ses05M", "5", "sadness"),
        ("Ses05M_script01_1b_F000", "Ses05F", "5", "-"),
        ("Ses05M_script01_1b_M001", "Ses05M", "5", "happiness"),
    ]
    table = utterances.table
    assert list(table["text"])[1] == "Turn 2, [LAUGHTER] well."
    assert columns(utterances, "start", "end") == [("-", "-")] * 7
    assert columns(utterances, "speaker", "sex")[:3] == [("Ses01F", "female"), ("Ses01F", "female"), ("Ses01M", "male")]
    np.testing.assert_array_equal(table["dominance"], [2.5, 5, 3, 5, 1, 3.5, 3])
    np.testing.assert_array_equal(table["valence"], [2.5, 2.6667, 4, 1.5, 2, 2, 4.5])
    np.testing.assert_array_equal(affect_targets(utterances)[:3], [[0, 0, 0], [1, 0, 1], [1, 1, 1]])
    assert utterances.labels("emotion") == CLASSES
    assert utterances.note == (
        "7 of 10039 clips, 4 of 10 speakers; 2 ratings beyond the scale of 1 to 5 brought to its end"
    )


def test_merged4_counts_excitement_as_happiness(tmp_path: Path):
    made(tmp_path, SMALL)
    paper, merged = load_corpus("iemocap", tmp_path), load_corpus("iemocap-merged4", tmp_path)
    changed = (paper.table["emotion"].fillna("-") != merged.table["emotion"].fillna("-")).to_numpy()
    assert list(merged.table["utterance"][changed]) == ["Ses01F_impro01_M000"]
    assert list(merged.table["emotion"][changed]) == ["happiness"]
    assert merged.corpus == paper.corpus == "iemocap"
    assert "excitement counted as happiness" in merged.note.split("; ")
    assert (len(merged.having("emotion")), len(paper.having("emotion"))) == (5, 4)


def test_the_whole_corpus_has_the_published_counts(tmp_path: Path):
    counts = {"neu": 1708, "ang": 1103, "hap": 595, "sad": 1084, "exc": 1041, "fru": 1849}
    counts |= {"sur": 107, "fea": 40, "dis": 2, "oth": 3, "xxx": 2507}
    labels = itertools.chain.from_iterable([label] * number for label, number in counts.items())
    dialogues: dict[str, list[Turn]] = {}
    for number, label in enumerate(labels):
        dialogue = f"Ses0{number % 5 + 1}F_impro{number % 8 + 1:02}"
        utterance = f"{dialogue}_{'FM'[number // 40 % 2]}{number // 80:03}"
        dialogues.setdefault(dialogue, []).append((utterance, label, "3.0000, 3.0000, 3.0000"))
    made(tmp_path, dialogues)
    paper, merged = load_corpus("iemocap", tmp_path), load_corpus("iemocap-merged4", tmp_path)
    assert (len(paper), paper.note) == (10039, "")
    assert (len(merged), merged.note) == (10039, "excitement counted as happiness")
    assert paper.labels("speaker") == [f"Ses0{session}{who}" for session in range(1, 6) for who in "FM"]
    assert paper.labels("session") == list("12345")
    four = Counter(paper.table["emotion"].dropna())
    assert four == {"neutral": 1708, "anger": 1103, "happiness": 595, "sadness": 1084}
    assert four.total() == 4490
    assert Counter(merged.table["emotion"].dropna()).total() == 5531


def test_one_session_is_a_part(tmp_path: Path):
    made(tmp_path, SMALL)
    session = load_corpus("iemocap", tmp_path / "IEMOCAP_full_release" / "Session5")
    assert session.labels("session") == ["5"]
    assert session.note.startswith("3 of 10039 clips, 2 of 10 speakers")


def test_what_lacks_is_counted(tmp_path: Path):
    made(tmp_path, SMALL)
    session = tmp_path / "IEMOCAP_full_release" / "Session1"
    (session / "sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav").unlink()
    (session / "dialog/EmoEvaluation/Ses01M_script01_1.txt").unlink()
    (session / "dialog/transcriptions/Ses01M_script01_1.txt").unlink()
    utterances = load_corpus("iemocap", tmp_path)
    row = utterances.table.set_index("utterance").loc["Ses01M_script01_1_F003"]
    assert [bool(pd.isna(row[name])) for name in ("emotion", "valence", "text", "session")] == [True, True, True, False]
    assert utterances.note.split("; ")[1:] == [
        "1 recordings have no evaluation",
        "1 evaluations have no recording",
        "1 ratings beyond the scale of 1 to 5 brought to its end",
    ]


def test_a_rating_may_be_unknown(tmp_path: Path):
    made(tmp_path, {"Ses02F_impro01": [("Ses02F_impro01_F000", "neu", "nan, 2.5, 3.0")]})
    table = load_corpus("iemocap", tmp_path).table
    np.testing.assert_array_equal(table[["valence", "arousal", "dominance"]], [[np.nan, 2.5, 3.0]])


@pytest.mark.parametrize("ratings", ["2.5, 2.5", "2.5, x, 2.5", "2.5, inf, 2.5", "", "1, 2, 3, 4"])
def test_a_damaged_evaluation_is_named(tmp_path: Path, ratings: str):
    made(tmp_path, {"Ses02F_impro01": [("Ses02F_impro01_F000", "neu", ratings)]})
    with pytest.raises(CorpusError, match=r"Ses02F_impro01\.txt line 3 is not '\[START - END\] UTTERANCE"):
        load_corpus("iemocap", tmp_path)


def test_evaluations_that_contradict_each_other_are_refused(tmp_path: Path):
    turn = "Ses02F_impro01_F000"
    twice = made(tmp_path / "a", {"Ses02F_impro01": [(turn, "neu", "3, 3, nan"), (turn, "neu", "3, 3, nan")]})
    assert len(load_corpus("iemocap", twice)) == 1
    torn = made(tmp_path / "b", {"Ses02F_impro01": [(turn, "neu", "3, 3, 3"), (turn, "sad", "3, 3, 3")]})
    with pytest.raises(CorpusError, match=f"line 8 contradicts another evaluation of {turn}"):
        load_corpus("iemocap", torn)


def test_without_any_evaluation_it_is_refused(tmp_path: Path):
    made(tmp_path, {"Ses02F_impro01": [("Ses02F_impro01_F000", "neu", "3, 3, 3")]})
    (tmp_path / "IEMOCAP_full_release/Session2/dialog/EmoEvaluation/Ses02F_impro01.txt").unlink()
    with pytest.raises(CorpusError, match=r"no recording below .* has an evaluation"):
        load_corpus("iemocap-merged4", tmp_path)


@pytest.mark.parametrize("name", ["Ses03F_impro01_F000", "Ses02F_impro02_F000", "Ses02F_impro01_X000", "psno1_ang"])
def test_a_recording_of_another_name_is_refused(tmp_path: Path, name: str):
    made(tmp_path, {"Ses02F_impro01": [("Ses02F_impro01_F000", "neu", "3, 3, 3"), (name, "neu", "3, 3, 3")]})
    with pytest.raises(CorpusError, match=rf"{name}\.wav is not named as in SessionN"):
        load_corpus("iemocap", tmp_path)
