"""Word boundaries from transcripts, against recordings whose boundaries are known."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hamiltone.corpora import CorpusError, Utterances, WordSettings, align_words, load_corpus, word_segments
from hamiltone.corpora.words import (
    Aligner,
    NotAligned,
    condensed_lines,
    known_form,
    pronunciations,
    spoken_words,
    to_phones,
)
from hamiltone.speech import load_audio

pytest.importorskip("pocketsphinx")
RATE = 16000
PAUSE = 0.25


@pytest.fixture(scope="module")
def few(speech_data: Path) -> Utterances:
    """Short utterances of two chapters; "Ruggedo" and "Kaliko" stand in no dictionary."""
    utterances = load_corpus("librispeech", speech_data / "librispeech")
    names = utterances.table["utterance"]
    return utterances.select(names.str.startswith(("1272-135031-002", "174-50561")).to_numpy())


def tree(folder: Path) -> dict[str, str]:
    """What the files in a folder hold."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_digits_between_pauses_are_found_where_they_were_put(speech_data: Path):
    digits = load_corpus("fsdd", speech_data / "fsdd").table
    rng = np.random.default_rng(0)
    aligner, errors = Aligner(), []
    pause = np.zeros(int(PAUSE * RATE), np.float32)
    for speaker in ("george", "jackson", "lucas", "theo"):
        chosen = digits[digits["speaker"] == speaker].sample(5, random_state=1)
        takes = [load_audio(path) for path in chosen["path"]]
        ends = np.cumsum([PAUSE + len(take) / RATE for take in takes])
        parts = [part for take in takes for part in (pause, take)]
        speech = np.concatenate([*parts, pause])
        speech += 1e-4 * rng.standard_normal(speech.size).astype(np.float32)
        placed = aligner.align(speech, list(chosen["word"]))
        assert [word for word, _ in placed if word] == list(chosen["word"])
        assert placed[-1] == ("", len(speech) / RATE)
        assert [end for _, end in placed] == sorted({end for _, end in placed})
        errors += np.abs(ends - [end for word, end in placed if word]).tolist()
    assert np.median(errors) < 0.03
    assert np.mean(np.array(errors) < 0.1) >= 0.8


def test_no_words_are_found_where_they_were_not_said():
    aligner = Aligner()
    with pytest.raises(NotAligned, match="does not fit the words"):
        aligner.align(np.zeros(800, np.float32), ["seven"] * 20)


def test_what_an_aligner_gives_does_not_depend_on_what_it_gave_before(few: Utterances):
    table = few.table
    spoken, _ = pronunciations(["ruggedo", "kaliko"])
    tasks = [(load_audio(path), spoken_words(text)) for path, text in zip(table["path"], table["text"], strict=True)]
    tasks = [task for task in tasks if all(map(Aligner(spoken).knows, task[1]))][:6]
    one, other = Aligner(spoken), Aligner(spoken)
    forwards = [one.align(*task) for task in tasks]
    backwards = [other.align(*task) for task in reversed(tasks)]
    assert len(tasks) == 6
    assert forwards == backwards[::-1]


def test_a_folder_that_cannot_be_written_is_told_first_and_another_is_offered(few: Utterances, tmp_path: Path):
    (tmp_path / "alignments").write_text("a file")
    for corpus, out in ((replace(few, root=tmp_path), None), (few, tmp_path / "alignments" / "below")):
        with pytest.raises(
            CorpusError, match=r"alignments cannot be written there \(.+\): name another .*--out"
        ) as told:
            align_words(corpus, out, report=lambda *_: pytest.fail("nothing is aligned"))
        assert str(tmp_path / "alignments") in str(told.value)


def test_a_corpus_that_may_be_read_only_says_so(few: Utterances, plain_user: Path):
    (plain_user / "corpus").mkdir(mode=0o500)
    with pytest.raises(CorpusError, match=r"\(Permission denied\): name another .*--out"):
        align_words(replace(few, root=plain_user / "corpus"))


def test_a_corpus_is_aligned_resumed_and_cut_into_words(few: Utterances, tmp_path: Path):
    told: list[tuple[str, int, int]] = []
    whole = align_words(few, tmp_path / "whole", report=lambda *step: told.append(step))
    assert (whole.utterances, whole.aligned, whole.before, whole.not_aligned) == (len(few), len(few), 0, {})
    assert told[-1] == ("aligning", len(few), len(few))
    content = tree(tmp_path / "whole")
    assert content.pop("not-aligned.csv") == "utterance,reason\n"
    assert "LibriSpeech/dev-clean/1272/135031/1272-135031.alignment.txt" in content
    lines = {line.utterance: line for text in content.values() for line in parsed(tmp_path, text)}
    durations = {
        name: soundfile.info(path).duration
        for name, path in zip(few.table["utterance"], few.table["path"], strict=True)
    }
    texts = dict(zip(few.table["utterance"], few.table["text"], strict=True))
    assert lines.keys() == texts.keys()
    for name, line in lines.items():
        assert [word for word in line.words if word] == texts[name].split()
        assert line.ends[-1] == pytest.approx(durations[name], abs=0.001)
        assert np.diff([0.0, *line.ends]).min() > 0
        assert all(one or other for one, other in zip(line.words, line.words[1:], strict=False))

    half = align_words(few.select(range(0, len(few), 2)), tmp_path / "resumed")
    resumed = align_words(few, tmp_path / "resumed", processes=2)
    assert (half.before, resumed.before, resumed.aligned) == (0, half.aligned, len(few))
    assert tree(tmp_path / "resumed") == tree(tmp_path / "whole")

    words = word_segments(few, WordSettings(min_letters=3, alignments=str(tmp_path / "whole")))
    assert words.corpus == "librispeech-words"
    assert set(words.table["word"]) == {w for text in texts.values() for w in text.lower().split() if len(w) > 2}
    first = words.table.iloc[0]
    assert first["word"] == texts[first["utterance"][:-4]].lower().split()[int(first["utterance"][-3:])]


def parsed(folder: Path, text: str):
    path = folder / "one.alignment.txt"
    path.write_text(text, encoding="utf-8")
    return [line for _, line in condensed_lines("x", path)]


def test_other_corpora_have_one_file_and_their_words(speech_data: Path, tmp_path: Path):
    tess = load_corpus("tess", speech_data / "tess").select(range(0, 840, 210))
    alignment = align_words(tess, tmp_path)
    assert alignment.aligned == 4
    assert set(tree(tmp_path)) == {"not-aligned.csv", "tess.alignment.txt"}
    words = word_segments(tess, WordSettings(alignments=str(tmp_path))).table
    assert list(words["word"][:3]) == ["say", "the", "word"]
    assert set(words["word"]) == {"say", "the", "word", *tess.table["word"]}
    assert words["utterance"].iloc[0] == f"{tess.table['utterance'].iloc[0]}-000"


def table(folder: Path, *rows: str) -> Utterances:
    path = folder / "mine.csv"
    path.write_text("\n".join(("path,speaker,emotion,start,end,text", *rows)), encoding="utf-8")
    return load_corpus("table", path)


def test_what_cannot_be_aligned_is_listed_with_its_reason(speech_data: Path, tmp_path: Path):
    spoken = speech_data / "librispeech/LibriSpeech/test-other/533/1066/533-1066-0000.flac"
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    text = "seven eight " * 99
    mine = table(
        tmp_path,
        f"{spoken},a,,0,1,{text}",
        f"{spoken},a,,,,[LAUGHTER]",
        f"{spoken},a,,1,2,",
        "broken.wav,b,,,,hello",
    )
    alignment = align_words(mine)
    assert alignment.folder == tmp_path / "alignments"
    assert alignment.aligned == 0
    reasons = {name.rpartition("/")[2]: reason for name, reason in alignment.not_aligned.items()}
    assert reasons["533-1066-0000.flac"] == reasons["533-1066-0000.flac#1.0-2.0"] == "has no transcript"
    assert reasons["533-1066-0000.flac#0.0-1.0"] == "the recording does not fit the words"
    assert "broken.wav" in reasons["broken.wav"]
    listed = (tmp_path / "alignments/not-aligned.csv").read_text(encoding="utf-8").splitlines()
    assert listed[0] == "utterance,reason"
    assert len(listed) == 5


def test_times_of_a_segment_count_from_the_recordings_start(few: Utterances, tmp_path: Path):
    row = few.table.iloc[0]
    speech, rate = soundfile.read(row["path"], dtype="float32")
    soundfile.write(tmp_path / "late.wav", np.concatenate([np.zeros(rate, np.float32), speech]), rate)
    mine = table(tmp_path, f"late.wav,a,,1,,{row['text']}")
    align_words(mine, tmp_path / "late")
    align_words(few.select([0]), tmp_path / "early")
    (early,), (late,) = (
        [line for _, line in condensed_lines("x", next((tmp_path / name).rglob("*.txt")))] for name in ("early", "late")
    )
    assert late.words[:1] == ("",)
    words = zip(early.words, early.ends, strict=True)
    assert [(word, end) for word, end in zip(late.words, late.ends, strict=True) if word] == [
        (word, pytest.approx(1 + end)) for word, end in words if word
    ]


def test_a_transcript_that_changed_is_aligned_anew(few: Utterances, tmp_path: Path):
    align_words(few.select([0, 1]), tmp_path)
    path = next(tmp_path.rglob("*.txt"))
    first, second = path.read_text(encoding="utf-8").splitlines()
    path.write_text(f"{re.sub('[A-Z]+,', 'OTHER,', first, count=1)}\n{second}\n", encoding="utf-8")
    assert align_words(few.select([0, 1]), tmp_path).before == 1
    assert path.read_text(encoding="utf-8").splitlines() == [first, second]


def test_mistakes_are_one_line(speech_data: Path, few: Utterances, tmp_path: Path):
    with pytest.raises(CorpusError, match="table: has no transcripts"):
        align_words(table(tmp_path, f"{few.table['path'].iloc[0]},a,,,,"))
    with pytest.raises(CorpusError, match="emodb: is German"):
        align_words(load_corpus("emodb", speech_data / "emodb"), tmp_path)
    with pytest.raises(ValueError, match="processes must be at least 1"):
        align_words(few, tmp_path, processes=0)
    damaged = tmp_path / "LibriSpeech/dev-clean/1272/135031/1272-135031.alignment.txt"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("nothing of the kind", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"1272-135031\.alignment\.txt line 1 is not"):
        align_words(few, tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("GO DO YOU HEAR", ["go", "do", "you", "hear"]),
        ("It's eleven o'clock.", ["it's", "eleven", "o'clock"]),
        (
            "Well-known -- [LAUGHTER] 'tis; boys\N{RIGHT SINGLE QUOTATION MARK} 42!",
            ["well", "known", "'tis", "boys'", "42"],
        ),
        ('<garbage> Été, "quoted"', ["été", "quoted"]),
        ("... -- !", []),
    ],
)
def test_words_of_a_transcript(text: str, words: list[str]):
    assert spoken_words(text) == words


@given(st.text(max_size=60))
def test_words_never_break_the_condensed_form(text: str):
    for word in spoken_words(text):
        assert re.fullmatch(r"[^\s\",]+", word)
        assert known_form(word, lambda _: False) == word.strip("'") != ""


def test_pronunciations_agree_with_the_dictionary_where_it_knows_a_word():
    pytest.importorskip("espeakng_loader")
    from importlib import import_module

    dictionary = import_module("pocketsphinx").Decoder(lm=None, loglevel="FATAL")
    words = ["garden", "morning", "judge", "church", "singing", "thither", "vision", "yellow", "music", "seven", "boy"]
    words += [
        "paper",
        "window",
        "hour",
        "fire",
        "button",
        "little",
        "azure",
        "water",
        "cow",
        "kite",
        "looking",
        "third",
    ]
    spoken, silent = pronunciations(words)
    assert silent == {}
    for word in words:
        ours, theirs = spoken[word].split(), dictionary.lookup_word(word).split()
        assert abs(len(ours) - len(theirs)) <= 1
        consonants = [[phone for phone in phones if not re.match("[AEIOU]", phone)] for phones in (ours, theirs)]
        assert len(set(consonants[0]) ^ set(consonants[1])) <= 2
    same = sum(spoken[word] == dictionary.lookup_word(word) for word in words)
    assert same >= len(words) / 2


def test_a_sound_without_counterpart_is_named():
    loch, lune = ["l", "ˈɑː", "x"], ["l", "ˈy"]  # noqa: RUF001
    assert to_phones(loch) == (["L", "AA", "K"], [])
    assert to_phones(lune) == (["L"], lune[1:])
    assert pronunciations([]) == ({}, {})


def test_a_word_without_pronunciation_keeps_its_utterance_out(
    few: Utterances, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(__import__("sys").modules, "espeakng_loader", None)
    alignment = align_words(few.select(few.table["text"].str.contains("RUGGEDO|KALIKO").to_numpy()), tmp_path)
    assert alignment.aligned == 0
    assert "is not in the dictionary (pip install 'hamiltone[synthetic]'" in next(iter(alignment.not_aligned.values()))
