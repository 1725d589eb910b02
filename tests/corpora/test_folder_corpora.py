import zipfile
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from hamiltone.corpora import CORPORA, CorpusError, load_corpus

RAVDESS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
EXISTING = pytest.mark.parametrize("name", sorted(set(CORPORA) - {"synthetic", "table"}))


def manifest(speech_data: Path, corpus: str) -> pd.DataFrame:
    rows = pd.read_csv(speech_data / "manifest.csv", dtype=str)
    rows = rows.loc[[name.startswith(corpus) for name in rows["corpus"]]].copy()
    rows["utterance"] = [Path(path).stem for path in rows["path"]]
    return rows.sort_values(by="utterance").reset_index(drop=True)


def test_ravdess_agrees_with_the_manifest(speech_data: Path):
    utterances = load_corpus("ravdess", speech_data / "ravdess")
    table, expected = utterances.table, manifest(speech_data, "ravdess")
    assert list(table["utterance"]) == list(expected["utterance"])
    assert list(table["path"]) == [str(speech_data / path) for path in expected["path"]]
    assert list(table["speaker"]) == list(expected["speaker"])
    assert list(table["emotion"]) == list(expected["label"])
    assert [text.lower() for text in table["text"]] == [text.lower() for text in expected["text"]]
    assert utterances.labels("emotion") == RAVDESS
    assert utterances.labels("speaker") == [f"{actor:02}" for actor in range(1, 19)]
    assert Counter(table["emotion"]) == {name: 72 if name == "neutral" else 144 for name in RAVDESS}
    assert (len(utterances), utterances.note) == (1080, "1080 of 1440 clips, 18 of 24 actors")
    above = load_corpus("ravdess", speech_data)
    pd.testing.assert_frame_equal(above.table, table)


def test_fsdd_agrees_with_the_manifest(speech_data: Path):
    utterances = load_corpus("fsdd", speech_data / "fsdd")
    table, expected = utterances.table, manifest(speech_data, "fsdd")
    assert list(table["utterance"]) == list(expected["utterance"])
    assert list(table["speaker"]) == list(expected["speaker"])
    assert list(table["word"]) == [DIGITS[int(name[0])] for name in expected["utterance"]]
    assert list(table["text"]) == list(table["word"])
    assert utterances.labels("word") == DIGITS
    assert (len(utterances), utterances.note) == (2250, "2250 of 3000 clips, 5 of 6 speakers")
    pd.testing.assert_frame_equal(load_corpus("fsdd", speech_data / "fsdd" / "recordings").table, table)


def test_librispeech_agrees_with_the_manifest(speech_data: Path):
    utterances = load_corpus("librispeech", speech_data / "librispeech")
    table, expected = utterances.table, manifest(speech_data, "librispeech")
    assert list(table["utterance"]) == list(expected["utterance"])
    assert list(table["speaker"]) == list(expected["speaker"])
    assert list(table["text"]) == list(expected["text"])
    assert [f"{speaker}-{session}" for speaker, session in zip(table["speaker"], table["session"], strict=True)] == [
        name.rpartition("-")[0] for name in table["utterance"]
    ]
    splits = Counter(Path(path).parts[-4] for path in table["path"])
    assert splits == {"test-other": 70, "dev-clean": 290, "test-clean": 4}
    assert len(utterances.labels("speaker")) == 23
    assert utterances.note.split("; ") == [
        "dev-clean: 290 of 2703 clips, 15 of 40 speakers",
        "test-clean: 4 of 2620 clips, 1 of 40 speakers",
        "test-other: 70 of 2939 clips, 7 of 33 speakers",
    ]
    inside = load_corpus("librispeech", speech_data / "librispeech" / "LibriSpeech")
    pd.testing.assert_frame_equal(inside.table, table)
    split = load_corpus("librispeech", speech_data / "librispeech" / "LibriSpeech" / "test-other")
    assert (len(split), split.note) == (70, "test-other: 70 of 2939 clips, 7 of 33 speakers")


@pytest.mark.parametrize(("name", "count"), [("ravdess", 8), ("fsdd", 10), ("librispeech", 8)])
def test_the_original_layout_is_read(speech_data: Path, name: str, count: int):
    original = load_corpus(name, speech_data / "original-layout" / name)
    assert len(original) == count
    converted = load_corpus(name, speech_data / name).table.set_index("utterance")
    labels = ["speaker", "emotion", "word", "text", "session"]
    table = original.table.set_index("utterance")
    shared = table.index.intersection(converted.index)
    assert len(shared) >= 4
    pd.testing.assert_frame_equal(table.loc[shared, labels], converted.loc[shared, labels])


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def ravdess_names() -> list[str]:
    return [
        f"Actor_{actor:02}/03-01-{emotion:02}-{strength:02}-{statement:02}-{take:02}-{actor:02}.wav"
        for actor in range(1, 25)
        for emotion in range(1, 9)
        for strength in (1, 2)[: 1 if emotion == 1 else 2]
        for statement in (1, 2)
        for take in (1, 2)
    ]


def test_whole_ravdess_has_no_note(tmp_path: Path):
    utterances = load_corpus("ravdess", touch(tmp_path, *ravdess_names()))
    assert (len(utterances), utterances.note) == (1440, "")


def test_ravdess_leaves_out_song_video_and_other_files(tmp_path: Path):
    folder = touch(
        tmp_path,
        "Actor_03/03-01-05-02-02-01-03.wav",
        "Actor_03/03-02-05-02-02-01-03.wav",
        "Actor_04/01-01-05-02-02-01-04.wav",
        "Actor_04/01-01-05-02-02-01-04.jpg",
        "Actor_04/._03-01-05-02-02-01-04.wav",
        "Actor_04/notes.txt",
        ".hidden/03-01-05-02-02-01-04.wav",
        "elsewhere/strange.wav",
    )
    utterances = load_corpus("ravdess", folder)
    assert list(utterances.table["utterance"]) == ["03-01-05-02-02-01-03"]
    assert list(utterances.table["text"]) == ["Dogs are sitting by the door"]
    assert utterances.note == "1 of 1440 clips, 1 of 24 actors; 2 recordings of song or video ignored"


def test_a_ravdess_recording_in_another_actors_folder_is_told_as_that(tmp_path: Path):
    touch(tmp_path, "Actor_01/03-01-05-02-02-01-02.wav")
    told = (
        r"03-01-05-02-02-01-02\.wav is a recording of actor 02 by its name, and lies in Actor_01: move it to Actor_02"
    )
    for _ in range(2):  # alone, and among others
        with pytest.raises(CorpusError, match=told):
            load_corpus("ravdess", tmp_path)
        touch(tmp_path, "Actor_02/03-01-05-02-02-02-02.wav")


def test_ravdess_of_song_alone_is_told_as_that(tmp_path: Path):
    touch(tmp_path, "Actor_01/03-02-05-02-02-01-01.wav")
    with pytest.raises(CorpusError, match=r"holds song or video alone \(1 files\): give the audio-only speech"):
        load_corpus("ravdess", tmp_path)


@pytest.mark.parametrize("name", ["Actor_01/angry.wav", "Actor_01/03-01-09-01-01-01-01.wav"])
def test_ravdess_refuses_an_irregular_recording(tmp_path: Path, name: str):
    touch(tmp_path, "Actor_02/03-01-05-02-02-01-02.wav", name)
    with pytest.raises(CorpusError, match=f"{name} is no name of RAVDESS"):
        load_corpus("ravdess", tmp_path)


def test_ravdess_refuses_one_recording_in_two_formats(tmp_path: Path):
    touch(tmp_path, "Actor_02/03-01-05-02-02-01-02.wav", "Actor_02/03-01-05-02-02-01-02.flac")
    with pytest.raises(CorpusError, match=r"stands twice: .*02\.flac and .*02\.wav"):
        load_corpus("ravdess", tmp_path)


def test_fsdd_irregularities(tmp_path: Path):
    touch(tmp_path, "recordings/7_theo_12.wav", "recordings/README.md", "recordings/0_ann-b_3.flac")
    utterances = load_corpus("fsdd", tmp_path)
    assert list(utterances.table["word"]) == ["zero", "seven"]
    assert utterances.labels("word") == ["zero", "seven"]
    assert utterances.labels("speaker") == ["ann-b", "theo"]
    touch(tmp_path, "recordings/seven_theo_12.wav")
    with pytest.raises(CorpusError, match=r"seven_theo_12\.wav is no name of FSDD"):
        load_corpus("fsdd", tmp_path)


def test_librispeech_irregularities(tmp_path: Path):
    chapter = "LibriSpeech/train-mine/19/198"
    touch(tmp_path, f"{chapter}/19-198-0000.flac", f"{chapter}/19-198-0001.flac", "LibriSpeech/SPEAKERS.TXT")
    transcripts = tmp_path / chapter / "19-198.trans.txt"
    transcripts.write_text("19-198-0001 ONE  TWO\n\n19-198-0002 THREE\n", encoding="utf-8")
    utterances = load_corpus("librispeech", tmp_path)
    assert list(utterances.table["utterance"]) == ["19-198-0000", "19-198-0001"]
    assert list(utterances.table["text"].fillna("missing")) == ["missing", "ONE  TWO"]
    assert utterances.note == "1 recordings have no transcript; 1 transcripts have no recording"
    transcripts.unlink()
    assert load_corpus("librispeech", tmp_path).note == "2 recordings have no transcript"
    transcripts.write_text("19-198-0001 ONE\n20-198-0001 TWO\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"19-198\.trans\.txt line 2 is not"):
        load_corpus("librispeech", tmp_path)
    transcripts.write_bytes(b"19-198-0001 \xff\xfe")
    with pytest.raises(CorpusError, match="is no text in UTF-8 or UTF-16"):
        load_corpus("librispeech", tmp_path)
    transcripts.unlink()
    touch(tmp_path, f"{chapter}/20-198-0001.flac")
    with pytest.raises(CorpusError, match=r"20-198-0001\.flac is not named"):
        load_corpus("librispeech", tmp_path)


def test_identifiers_do_not_depend_on_the_place(tmp_path: Path):
    names = ravdess_names()[:5]
    here, there = load_corpus("ravdess", touch(tmp_path / "a", *names)), load_corpus("ravdess", touch(tmp_path, *names))
    assert list(here.table["utterance"]) == list(there.table["utterance"])
    assert list(here.table["path"]) != list(there.table["path"])


@EXISTING
def test_a_missing_folder_is_named(tmp_path: Path, name: str):
    called = name.removesuffix("-words")  # words are cut from its recordings
    with pytest.raises(CorpusError, match=f"{called}: .*nowhere does not exist"):
        load_corpus(name, tmp_path / "nowhere")
    with pytest.raises(CorpusError, match=f"{called}: give the folder"):
        load_corpus(name)
    file = tmp_path / "file.wav"
    file.touch()
    with pytest.raises(CorpusError, match="is a file, not a folder"):
        load_corpus(name, file)
    with pytest.raises(CorpusError, match=f"{called}: .*does not exist"):
        load_corpus(name, tmp_path / ("long" * 100))
    with pytest.raises(CorpusError, match=f"{called}: ~nobody-of-that-name/x is nobody's home folder"):
        load_corpus(name, "~nobody-of-that-name/x")


@EXISTING
def test_a_packed_corpus_is_to_be_unpacked(tmp_path: Path, name: str):
    archive = tmp_path / "Audio_Speech_Actors_01-24.zip"
    archive.touch()
    with pytest.raises(CorpusError, match=f"{name.removesuffix('-words')}: {archive} is an archive: unpack it"):
        load_corpus(name, archive)
    with pytest.raises(CorpusError, match=r"unpack Audio_Speech_Actors_01-24\.zip first"):
        load_corpus(name, tmp_path)


def test_ravdess_is_read_from_the_zip_that_it_comes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path / "cache"))
    archive = tmp_path / "Audio_Speech_Actors_01-24.zip"
    names = [f"Actor_{actor:02}/03-01-05-01-01-01-{actor:02}.wav" for actor in (1, 2)]
    with zipfile.ZipFile(archive, "w") as content:
        for name in names:
            content.writestr(name, name)
    for _ in range(2):  # the second time it lies in the cache
        table = load_corpus("ravdess", archive)
        assert [Path(path).read_text(encoding="utf-8") for path in table.table["path"]] == names
    assert len([path for path in (tmp_path / "cache" / "archives").iterdir() if path.is_dir()]) == 1
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("../outside.wav", "x")
    with pytest.raises(CorpusError, match="outside"):
        load_corpus("ravdess", archive)
    assert not list(tmp_path.rglob("outside.wav"))


@EXISTING
def test_an_empty_folder_and_another_corpus_are_refused(tmp_path: Path, name: str):
    message = rf"no [\w -]+ recordings below {tmp_path}: expected .*; is it another corpus\?"
    with pytest.raises(CorpusError, match=message):
        load_corpus(name, tmp_path)
    others = ["OAF_angry/OAF_back_angry.wav", "wav/03a01Fa.wav", "strange.wav", "Actor_01/notes.txt"]
    own = {"tess": others[:1], "emodb": others[1:2], "folder": others[:3]}
    touch(tmp_path, *(other for other in others if other not in own.get(name.removesuffix("-words"), [])))
    with pytest.raises(CorpusError, match=message):
        load_corpus(name, str(tmp_path))


@pytest.mark.parametrize(("name", "near"), [("RAVDES", "ravdess"), ("libri", "librispeech"), ("", "")])
def test_an_unknown_corpus_suggests_the_nearest(name: str, near: str):
    with pytest.raises(CorpusError, match=f"no corpus '{name}': did you mean '{near}.*HAMILTONE_EXTENSIONS"):
        load_corpus(name)
