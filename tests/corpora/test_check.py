"""What ``check_corpus`` finds of whole, partial and broken corpora."""

import json
import shutil
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamiltone.corpora import (
    CORPORA,
    KINDS,
    CorpusCheck,
    CorpusError,
    Utterances,
    check_corpus,
    load_corpus,
    source_of,
    split_by_column,
    split_by_speaker,
)
from hamiltone.corpora.inspect import LONGEST_SECONDS, clipped_samples

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
RAVDESS = [
    f"Actor_{actor:02}/03-01-{emotion:02}-{level:02}-{text:02}-{take:02}-{actor:02}.wav"
    for actor, emotion, level, text, take in product(range(1, 25), range(1, 9), (1, 2), (1, 2), (1, 2))
    if (emotion, level) != (1, 2)
]


def write(path: Path, samples: np.ndarray, rate: int = 16000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16")


def voice(seed: int, samples: int = 4000) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, samples)


def named(check: CorpusCheck) -> dict[str, list[str]]:
    return {kind: [problem.name for problem in check.of(kind)] for kind in KINDS if check.of(kind)}


def test_published_sizes_agree_with_themselves():
    """Every total is the sum of what is published by class and by speaker: each number stands twice."""
    for name in ("ravdess", "tess", "emodb", "crema_d", "fsdd", "iemocap", "iemocap-merged4"):
        whole = CORPORA[name].published(Utterances.from_rows([], corpus=name, root=Path()))
        assert whole is not None
        if whole.by_speaker:
            assert (sum(whole.by_speaker.values()), len(whole.by_speaker)) == (whole.clips, whole.speakers)
        labelled = {"iemocap": 4490, "iemocap-merged4": 5531}.get(name, whole.clips)
        assert sum(whole.by_class.values()) == labelled


@pytest.mark.parametrize(
    ("names", "clips"), [("george jackson lucas nicolas theo", 2500), ("abcde", 2500), ("abcdef", 3000)]
)
def test_both_published_sizes_of_fsdd_are_whole(names: str, clips: int):
    """What is fetched is version 1.0.9."""
    speakers = names.split() if " " in names else list(names)
    rows = [
        {"utterance": f"{digit}_{name}_{take}", "path": f"{digit}_{name}_{take}.wav", "speaker": name, "word": digit}
        for digit, name, take in product(DIGITS, speakers, range(50))
    ]
    whole = CORPORA["fsdd"].published(Utterances.from_rows(rows, corpus="fsdd", root=Path()))
    assert whole is not None and whole.part(len(rows), len(speakers)) == ""
    assert (whole.clips, set(whole.by_class.values())) == (clips, {clips // 10})


def test_what_is_fetched_of_fsdd_is_whole(tmp_path: Path):
    (tmp_path / "recordings").mkdir()
    for digit, name, take in product(range(10), "abcde", range(50)):
        (tmp_path / f"recordings/{digit}_{name}_{take}.wav").touch()
    assert source_of("fsdd").title.endswith("1.0.9 (2,500 recordings of 5 speakers)")
    assert load_corpus("fsdd", tmp_path).part == ""
    assert check_corpus("fsdd", tmp_path).missing == ()
    (tmp_path / "recordings/9_e_49.wav").unlink()
    assert load_corpus("fsdd", tmp_path).part == "2499 of 3000 clips, 5 of 6 speakers"


def test_whole_ravdess(tmp_path: Path):
    for number, name in enumerate(RAVDESS):
        write(tmp_path / name, voice(number, 1700))
    check = check_corpus("ravdess", tmp_path)
    assert (check.sound, check.missing, check.problems, check.note) == (True, (), (), "")
    assert (check.clips.found, check.clips.published) == (1440, 1440)
    assert {count.found for count in check.speakers.values()} == {60}
    assert all(count.found == count.published for count in [*check.classes.values(), *check.speakers.values()])
    assert check.rates == {16000: 1440}
    assert check.seconds == pytest.approx(1440 * 1700 / 16000)


def test_the_part_of_ravdess_here(speech_data: Path):
    seen: list[tuple[str, int, int]] = []
    check = check_corpus("ravdess", speech_data / "ravdess", report=lambda *step: seen.append(step))
    assert not check.sound
    assert check.missing == (
        "360 of 1440 clips (there are 1080)",
        "6 of 24 actors (there are 18): there is nothing of 19, 20, 21, 22, 23, 24",
        "clips of 8 emotion classes: 24 of 96 of neutral, 48 of 192 of calm, 48 of 192 of happy, 48 of 192 of sad, "
        "48 of 192 of angry, 48 of 192 of fearful, 48 of 192 of disgust, 48 of 192 of surprised",
    )
    twin = "Actor_07/03-01-03-01-02-0{}-07.flac"
    assert named(check) == {"duplicate": [twin.format(2)]}
    assert check.problems[0].text == f"the same sound as {twin.format(1)}"
    assert seen[-1] == ("listening", 1080, 1080)
    assert json.loads(json.dumps(check.as_json()))["classes"]["neutral"] == {"found": 72, "published": 96}


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("emodb", ["127 of 535 clips (there are 408)", "2 of 10 speakers (there are 8): there is nothing of 15, 16"]),
        ("fsdd", ["750 of 3000 clips (there are 2250)", "1 of 6 speakers (there are 5): there is nothing of yweweler"]),
        ("librispeech", ["7898 of 8262 clips (there are 364)", "90 of 113 speakers (there are 23)"]),
    ],
)
def test_parts_of_other_corpora(speech_data: Path, name: str, missing: list[str]):
    check = check_corpus(name, speech_data / name)
    assert list(check.missing[:2]) == missing


def test_what_is_wrong_with_recordings(tmp_path: Path):
    write(tmp_path / "joy/good.wav", voice(1))
    write(tmp_path / "joy/also good.wav", voice(2))
    write(tmp_path / "joy/rate.wav", voice(3), 8000)
    write(tmp_path / "joy/silent.wav", voice(4) * 0.0009)
    write(tmp_path / "joy/short.wav", voice(5, 1599))
    write(tmp_path / "joy/long.wav", voice(6, round(16000 * LONGEST_SECONDS) + 1))
    loud = voice(7)
    loud[100:103], loud[200], loud[300:302] = 1.0, 1.0, -1.0
    write(tmp_path / "joy/clipped.wav", loud)
    edges = voice(8)
    edges[100:102] = 1.0
    write(tmp_path / "joy/two at full scale.wav", edges)
    (tmp_path / "joy/text.wav").write_text("no audio")
    samples, _ = soundfile.read(tmp_path / "joy/good.wav", dtype="int16")
    soundfile.write(tmp_path / "joy/twin.flac", np.stack([samples, samples], axis=1), 16000)
    whole = (tmp_path / "joy/also good.wav").read_bytes()
    (tmp_path / "joy/cut.wav").write_bytes(whole[: len(whole) // 2])
    check = check_corpus("folder", tmp_path)
    assert named(check) == {
        "unreadable": ["joy/cut.wav", "joy/text.wav"],
        "silent": ["joy/silent.wav"],
        "clipped": ["joy/clipped.wav"],
        "short": ["joy/short.wav"],
        "long": ["joy/long.wav"],
        "odd rate": ["joy/rate.wav"],
        "duplicate": ["joy/twin.flac"],
    }
    assert check.of("clipped")[0].text == "3 samples at full scale, in rows"
    assert (check.missing, check.sound) == ((), False)
    assert check.classes["joy"].found == 11
    assert check.rates == {16000: 8, 8000: 1}


@given(st.lists(st.booleans(), max_size=30), st.lists(st.integers(0, 30), max_size=4))
def test_clipping_does_not_depend_on_the_pieces(full: list[bool], cuts: list[int]):
    samples = np.array(full, dtype=np.float32)
    rows = "".join("x" if one else " " for one in full).split()
    expected = sum(len(row) for row in rows if len(row) >= 3)
    total, row = 0, 0
    for piece in np.split(samples, sorted(min(cut, len(full)) for cut in cuts)):
        found, row = clipped_samples(piece, row)
        total += found
    assert total == expected


def test_segments_of_a_table(tmp_path: Path):
    write(tmp_path / "a.wav", voice(1, 32000))
    rows = ["path,speaker,emotion,start,end", "a.wav,1,joy,0,1", "a.wav,1,joy,1,2.5", "a.wav,2,,1.95,", "a.wav,2,,3,"]
    (tmp_path / "corpus.csv").write_text("\n".join(rows))
    check = check_corpus("table", tmp_path / "corpus.csv")
    assert named(check) == {"unreadable": ["a.wav#1.0-2.5", "a.wav#3.0-"], "short": ["a.wav#1.95-"]}
    assert check.of("unreadable")[0].text == "lies from 1 to 2.5 s, but its recording ends at 2 s"
    assert (check.clips.found, check.clips.published, check.classes["joy"].found) == (4, None, 2)


def test_a_class_of_which_nothing_is_there(tmp_path: Path):
    write(tmp_path / "OAF_Sad/OAF_back_sad.wav", voice(1))
    assert check_corpus("tess", tmp_path).missing == (
        "2799 of 2800 clips (there is 1)",
        "1 of 2 actors (there is 1): there is nothing of YAF",
        "clips of 1 actors: 1399 of 1400 of OAF",
        "clips of 7 emotion classes: 400 of 400 of angry, 400 of 400 of disgust, 400 of 400 of fear, "
        "400 of 400 of happy, 400 of 400 of neutral, 400 of 400 of pleasant_surprise, 399 of 400 of sad",
    )


def test_recordings_that_are_not_there_hide_nothing_else(tmp_path: Path):
    write(tmp_path / "corpus/wav/16b10Wb.wav", voice(1))
    write(tmp_path / "corpus/wav/03a01Fa.wav", voice(2) * 0.0001)
    (tmp_path / "corpus/wav/03a01Wa.wav").symlink_to("gone.wav")
    check = check_corpus("emodb", tmp_path / "corpus")
    assert named(check) == {"unreadable": ["wav/03a01Wa.wav"], "silent": ["wav/03a01Fa.wav"]}
    assert (check.of("unreadable")[0].text, check.sound, check.clips.found) == ("no such file", False, 3)
    with pytest.raises(CorpusError, match=r"emodb: .*03a01Wa\.wav is a broken link: restore or remove it"):
        load_corpus("emodb", tmp_path / "corpus")
    rows = ["path,speaker,emotion", "16b10Wb.wav,1,joy", "gone.wav,1,joy", "lost.wav,2,joy", "03a01Fa.wav,2,fear"]
    (tmp_path / "corpus/wav/table.csv").write_text("\n".join(rows))
    check = check_corpus("table", tmp_path / "corpus/wav/table.csv")
    assert named(check) == {"unreadable": ["gone.wav", "lost.wav"], "silent": ["03a01Fa.wav"]}
    assert check.clips.found == 4


def test_what_is_left_out_of_a_published_corpus_is_named(tmp_path: Path):
    for name in ("0_ann_0.wav", "1_ann_0.wav", "films/a/b/c/d/0_ann_0.wav"):
        write(tmp_path / name, voice(len(name)))
    for name in ("0_ann_0.mov", ".1_ann_0.mov"):
        (tmp_path / name).touch()
    told = "2 files look like sound and are left out: 0_ann_0.mov, films/a/b/c/d/0_ann_0.wav"
    assert check_corpus("fsdd", tmp_path).note.endswith(told)
    shutil.rmtree(tmp_path / "films")
    (tmp_path / "0_ann_0.mov").unlink()
    assert "left out" not in check_corpus("fsdd", tmp_path).note


def test_recordings_without_speaker_are_a_problem(tmp_path: Path):
    write(tmp_path / "joy/ann_1.wav", voice(1))
    write(tmp_path / "fear/bob_2.wav", voice(2))
    advice = "give corpus.options.speaker, or sort the recordings into EMOTION/SPEAKER/"
    assert check_corpus("folder", tmp_path).remarks == (
        f"no recording has a speaker: a run cannot split by speaker; {advice}",
        "emotion 'fear', 'joy' stand in one recording each",
    )
    with pytest.raises(
        CorpusError, match=r"has no speaker to split by: give corpus\.options\.speaker.*split\.kind=random"
    ):
        split_by_speaker(load_corpus("folder", tmp_path))
    write(tmp_path / "joy/ann/3.wav", voice(3))
    write(tmp_path / "joy/ann/4.wav", voice(4))
    assert (
        check_corpus("folder", tmp_path).remarks[0]
        == f"2 of 4 recordings have no speaker: a run cannot split by speaker; {advice}"
    )
    shutil.rmtree(tmp_path / "fear")
    (tmp_path / "joy/ann_1.wav").unlink()
    assert not any("have no speaker" in line for line in check_corpus("folder", tmp_path).remarks)


def test_a_column_of_one_value_is_told(tmp_path: Path):
    for number in range(2):
        write(tmp_path / f"joy/ann/{number}.wav", voice(number))
    assert check_corpus("folder", tmp_path).remarks == (
        "speaker is 'ann' throughout: a run can split by recording alone (split.kind=random)",
        "emotion is 'joy' throughout: a run has nothing to tell apart",
    )
    for number in range(2):
        write(tmp_path / f"fear/bob/{number}.wav", voice(7 + number))
    assert check_corpus("folder", tmp_path).remarks == ()


@pytest.mark.parametrize(
    ("parts", "problems"),
    [
        (["train", "Dev", "test"], []),
        (["", "", ""], []),
        (["train", "training", "training"], ["'training' (2) is none of", "for validation", "for test"]),
        (["val", "", "test"], ["1 have none", "nothing is for train"]),
    ],
)
def test_the_split_column_is_looked_at(tmp_path: Path, parts: list[str], problems: list[str]):
    rows = ["path,speaker,emotion,split"]
    for number, part in enumerate(parts):
        write(tmp_path / f"{number}.wav", voice(number))
        rows.append(f"{number}.wav,{number},joy,{part}")
    (tmp_path / "corpus.csv").write_text("\n".join(rows))
    told = check_corpus("table", tmp_path / "corpus.csv").remarks
    remarks = [line for line in told if line.startswith("column split")]
    assert len(remarks) == len(problems)
    assert all(problem in remark for problem, remark in zip(problems, remarks, strict=True))
    if problems:
        with pytest.raises(CorpusError):
            split_by_column(load_corpus("table", tmp_path / "corpus.csv"))


def test_a_look_at_the_synthetic_corpus_writes_nothing(tmp_path: Path):
    pytest.importorskip("espeakng_loader")
    with pytest.raises(CorpusError, match=r"synthetic: .* does not hold the whole corpus: a run makes it there"):
        check_corpus("synthetic", tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
    load_corpus("synthetic", tmp_path / "made")
    before = sorted(tmp_path.rglob("*"))
    assert check_corpus("synthetic", tmp_path / "made").clips.found == 512
    assert sorted(tmp_path.rglob("*")) == before


def test_another_corpus_is_one_line(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"no EmoDB recordings below .*: expected wav/SSsssEv\.wav"):
        check_corpus("emodb", tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=30), st.integers(0, 200), st.binary(max_size=30))
def test_damaged_recordings(before: bytes, length: int, after: bytes):
    """Every file of a good layout is a result: what is in it, or why it cannot be read."""
    with TemporaryDirectory() as folder:
        write(Path(folder) / "wav/16b10Wb.wav", voice(1, 200))
        write(Path(folder) / "wav/03a01Fa.wav", voice(1, 200))
        file = Path(folder) / "wav/03a01Fa.wav"
        file.write_bytes(before + file.read_bytes()[:length] + after)
        check = check_corpus("emodb", folder)
        assert check.clips.found == 2
        assert {problem.name for problem in check.of("unreadable")} <= {"wav/03a01Fa.wav"}
