"""RAVDESS in its other layouts, TESS, EmoDB, CREMA-D and Speech Commands."""

from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from hamiltone.corpora import CorpusError, affect_targets, load_corpus
from hamiltone.speech import load_audio

TESS = ["angry", "disgust", "fear", "happy", "neutral", "pleasant_surprise", "sad"]
EMODB = ["anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral"]
CREMA_D = ["anger", "disgust", "fear", "happy", "neutral", "sad"]
CODES = ["ANG", "DIS", "FEA", "HAP", "NEU", "SAD"]
SENTENCES = ["IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI"]


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def manifest(speech_data: Path, corpus: str) -> pd.DataFrame:
    rows = pd.read_csv(speech_data / "manifest.csv", dtype=str)
    rows = rows.loc[rows["corpus"] == corpus].copy()
    rows["utterance"] = [Path(path).stem for path in rows["path"]]
    return rows.sort_values(by="utterance").reset_index(drop=True)


def agrees(table: pd.DataFrame, expected: pd.DataFrame, folder: Path) -> None:
    assert list(table["utterance"]) == list(expected["utterance"])
    assert list(table["path"]) == [str(folder / path) for path in expected["path"]]
    assert list(table["speaker"]) == list(expected["speaker"])
    assert list(table["emotion"]) == list(expected["label"])
    assert [text.lower() for text in table["text"]] == [text.lower() for text in expected["text"]]


RAVDESS_NAMES = ["03-01-05-02-02-01-03.wav", "03-01-01-01-01-01-24.wav", "03-01-08-01-02-02-10.wav"]


@pytest.mark.parametrize("above", ["", "Audio_Speech_Actors_01-24/", "RAVDESS/Audio_Speech_Actors_01-24/"])
@pytest.mark.parametrize("flat", [False, True])
def test_ravdess_lies_where_it_was_unpacked(tmp_path: Path, above: str, flat: bool):
    places = [above + ("" if flat else f"Actor_{name[-6:-4]}/") for name in RAVDESS_NAMES]
    utterances = load_corpus("ravdess", touch(tmp_path, *map("".join, zip(places, RAVDESS_NAMES, strict=True))))
    assert list(utterances.table["utterance"]) == sorted(Path(name).stem for name in RAVDESS_NAMES)
    assert utterances.labels("speaker") == ["03", "10", "24"]
    assert utterances.labels("emotion") == ["neutral", "angry", "surprised"]


def test_ravdess_flattened_and_in_folders_is_read_once(tmp_path: Path):
    doubled = touch(tmp_path, *RAVDESS_NAMES[:1], *(f"Actor_{name[-6:-4]}/{name}" for name in RAVDESS_NAMES))
    table = load_corpus("ravdess", doubled).table
    assert [Path(path).parent.name for path in table["path"]] == ["Actor_24", "Actor_03", "Actor_10"]


def test_one_flat_folder_refuses_a_strange_recording(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"take 2\.wav is no name of RAVDESS"):
        load_corpus("ravdess", touch(tmp_path, *RAVDESS_NAMES, "take 2.wav"))


def test_tess_agrees_with_the_manifest(speech_data: Path):
    utterances = load_corpus("tess", speech_data / "tess")
    expected = manifest(speech_data, "tess")
    agrees(utterances.table, expected, speech_data)
    assert list(utterances.table["word"]) == [name.split("_")[1] for name in expected["utterance"]]
    assert Counter(utterances.table["emotion"]) == dict.fromkeys(TESS, 120)
    assert (utterances.labels("emotion"), utterances.labels("speaker")) == (TESS, ["OAF", "YAF"])
    assert (len(utterances), utterances.note) == (840, "840 of 2800 clips, 2 of 2 actors")
    pd.testing.assert_frame_equal(load_corpus("tess", speech_data).table, utterances.table)


def tess_names() -> list[str]:
    folders = {
        "OAF": ["angry", "disgust", "Fear", "happy", "neutral", "Pleasant_surprise", "Sad"],
        "YAF": ["angry", "disgust", "fear", "happy", "neutral", "pleasant_surprised", "sad"],
    }
    emotions = ["angry", "disgust", "fear", "happy", "neutral", "ps", "sad"]
    words = [first + second for first, second in product("abcdefghij", "abcdefghijklmnopqrst")]
    return [
        f"{actor}_{folder}/{actor}_{word}_{emotion}.wav"
        for actor, names in folders.items()
        for folder, emotion in zip(names, emotions, strict=True)
        for word in words
    ]


def test_whole_tess_has_no_note_although_a_prefix_is_short(tmp_path: Path):
    names = [name.replace("neutral/OAF_ab_", "neutral/OA_ab_") for name in tess_names()]
    assert "OAF_neutral/OA_ab_neutral.wav" in names
    utterances = load_corpus("tess", touch(tmp_path / "TESS Toronto emotional speech set data", *names).parent)
    assert (len(utterances), utterances.note) == (2800, "")
    assert Counter(utterances.table["emotion"]) == dict.fromkeys(TESS, 400)
    assert Counter(utterances.table["speaker"]) == {"OAF": 1400, "YAF": 1400}
    short = utterances.table.set_index("utterance").loc["OAF_ab_neutral"]
    assert (short["speaker"], short["word"], short["text"]) == ("OAF", "ab", "Say the word ab")
    assert Path(short["path"]).name == "OA_ab_neutral.wav"


def test_tess_within_itself_is_read_once(tmp_path: Path):
    names = ["OAF_Fear/OAF_back_fear.wav", "YAF_pleasant_surprised/YAF_back_ps.wav"]
    table = load_corpus("tess", touch(tmp_path, *names, *(f"TESS data/{name}" for name in names))).table
    assert list(table["path"]) == [str(tmp_path / name) for name in names]


def test_tess_irregular_names(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"OAF_back\.wav is no name of TESS"):
        load_corpus("tess", touch(tmp_path, "OAF_Sad/OAF_back_sad.wav", "OAF_Sad/OAF_back.wav"))
    (tmp_path / "OAF_Sad/OAF_back.wav").unlink()
    with pytest.raises(CorpusError, match=r"OAF_back_sad' stands twice"):
        load_corpus("tess", touch(tmp_path, "OAF_Sad/OA_back_sad.wav"))


def test_tess_files_of_other_kinds_are_heard(tmp_path: Path):
    tone = np.sin(np.arange(24414) * 0.05) * 0.5
    for name, rate, kind in [("germ_angry", 24414, "AIFF"), ("neat_fear", 96000, "WAV"), ("back_sad", 24414, "WAV")]:
        path = tmp_path / f"YAF_{name.partition('_')[2]}" / f"YAF_{name}.wav"
        path.parent.mkdir()
        soundfile.write(path, tone, rate, format=kind, subtype="PCM_16")
    table = load_corpus("tess", tmp_path).table
    assert list(table["word"]) == ["back", "germ", "neat"]
    lengths = [len(load_audio(path)) for path in table["path"]]
    np.testing.assert_allclose(lengths, [16000, 16000, 24414 / 6], atol=1)


def test_pleasant_surprise_is_in_the_affect_table(tmp_path: Path):
    surprised = load_corpus("tess", touch(tmp_path, "YAF_pleasant_surprised/YAF_back_ps.wav"))
    np.testing.assert_array_equal(affect_targets(surprised, "russell-mehrabian-1977"), [[1, 1, 0]])


@pytest.mark.parametrize("inside", ["", "emodb", "emodb/wav"])
def test_emodb_agrees_with_the_manifest(speech_data: Path, inside: str):
    utterances = load_corpus("emodb", speech_data / inside)
    agrees(utterances.table, manifest(speech_data, "emodb"), speech_data)
    counts = {"anger": 100, "neutral": 63, "boredom": 58, "fear": 54, "happiness": 54, "sadness": 49, "disgust": 30}
    assert Counter(utterances.table["emotion"]) == counts
    assert utterances.labels("emotion") == EMODB
    assert utterances.labels("speaker") == ["03", "08", "09", "10", "11", "12", "13", "14"]
    assert (len(utterances), utterances.note) == (408, "408 of 535 clips, 8 of 10 speakers")


def test_emodb_in_its_original_layout(speech_data: Path):
    folder = speech_data / "original-layout" / "emodb"
    agrees(load_corpus("emodb", folder).table, manifest(speech_data, "original-emodb"), speech_data)


def test_emodb_in_folders_below_is_not_passed_over_in_silence(tmp_path: Path):
    folder = touch(tmp_path, "wav/16b10Wb.wav", "wav/more/03a01Fa.wav", "wav/more/notes.wav", "wav/old/03a01Wa.wav")
    utterances = load_corpus("emodb", folder)
    assert list(utterances.table["utterance"]) == ["16b10Wb"]
    assert utterances.note == f"{utterances.part}; 2 not used, in a folder below, as wav/more/03a01Fa.wav"


def test_emodb_irregularities(tmp_path: Path):
    kept = touch(
        tmp_path, "wav/16b10Wb.wav", "wav/15a07La.wav", "wav/._15a07La.wav", "laryng/16b10Wb.wav", "erkennung.txt"
    )
    assert list(load_corpus("emodb", kept).table["path"]) == [
        str(tmp_path / f"wav/{name}.wav") for name in ("15a07La", "16b10Wb")
    ]
    for name in ("17a01Fa", "03a03Fa", "03a01Xa", "03a01F"):
        strange = tmp_path / f"wav/{name}.wav"
        strange.touch()
        with pytest.raises(CorpusError, match=rf"{name}\.wav is no name of EmoDB"):
            load_corpus("emodb", tmp_path)
        strange.unlink()


def crema_d_names() -> list[str]:
    # As many as in the corpus: 82 for each actor but the last, who gets what is left.
    kinds = [f"{s}_{e}_{level}" for s in SENTENCES for e in CODES for level in ("XX", "HI")]
    names = [f"{actor}_{kind}.wav" for actor in range(1001, 1092) for kind in kinds[:82]][:7442]
    return [name.replace("1040_ITH_SAD_XX", "1040_ITH_SAD_X") for name in names]


@pytest.mark.parametrize("above", ["AudioWAV/", "CREMA-D/AudioWAV/", ""])
def test_crema_d(tmp_path: Path, above: str):
    names = [above + name for name in [*crema_d_names()[::40], "1040_ITH_SAD_X.wav", "1091_WSI_NEU_XX.wav"]]
    utterances = load_corpus("crema_d", touch(tmp_path, *names))
    table = utterances.table.set_index("utterance")
    assert set(table.index) == {Path(name).stem for name in names}
    assert list(table.loc["1040_ITH_SAD_X", ["speaker", "emotion", "text"]]) == [
        "1040",
        "sad",
        "I think I have a doctor's appointment",
    ]
    assert utterances.labels("emotion") == CREMA_D
    speakers = len({Path(name).stem[:4] for name in names})
    assert utterances.note == f"{len(names)} of 7442 clips, {speakers} of 91 actors"


def test_whole_crema_d_has_no_note_and_mp3_copies_are_not_read(tmp_path: Path):
    names = crema_d_names()
    touch(tmp_path, *(f"AudioWAV/{name}" for name in names), f"AudioMP3/{Path(names[0]).stem}.mp3")
    utterances = load_corpus("crema_d", tmp_path)
    assert (len(utterances), utterances.note) == (7442, "")
    assert len(utterances.labels("speaker")) == 91


def test_crema_d_sentences_are_twelve(tmp_path: Path):
    table = load_corpus("crema_d", touch(tmp_path, *(f"1001_{name}_ANG_XX.wav" for name in SENTENCES))).table
    assert len(set(table["text"])) == len(SENTENCES)


@pytest.mark.parametrize("name", ["1000_IEO_ANG_XX", "1092_IEO_ANG_XX", "1001_ABC_ANG_XX", "1001_IEO_JOY_XX", "1001"])
def test_crema_d_refuses_other_names(tmp_path: Path, name: str):
    touch(tmp_path, "AudioWAV/1001_IEO_ANG_XX.wav", f"AudioWAV/{name}.wav")
    with pytest.raises(CorpusError, match=rf"{name}\.wav is no name of CREMA-D"):
        load_corpus("crema_d", tmp_path)


@pytest.mark.parametrize("above", ["", "speech_commands_v0.02/"])
def test_speech_commands(tmp_path: Path, above: str):
    names = ["right/bb05582b_nohash_3.wav", "wow/bb05582b_nohash_3.wav", "right/0a7c2a8d_nohash_0.wav"]
    others = ["_background_noise_/pink_noise.wav", "_unknown_/0a7c2a8d_nohash_0.wav", "validation_list.txt"]
    utterances = load_corpus("speech_commands", touch(tmp_path, *(above + name for name in names + others)))
    table = utterances.table
    assert list(table["utterance"]) == [
        "right/0a7c2a8d_nohash_0",
        "right/bb05582b_nohash_3",
        "wow/bb05582b_nohash_3",
    ]
    assert list(table["speaker"]) == ["0a7c2a8d", "bb05582b", "bb05582b"]
    assert list(table["word"]) == list(table["text"]) == ["right", "right", "wow"]
    assert utterances.note == "3 of 105829 clips, 2 of 2618 speakers"
    touch(tmp_path, f"{above}wow/wow.wav")
    with pytest.raises(CorpusError, match=r"wow\.wav is not named as in WORD/"):
        load_corpus("speech_commands", tmp_path)


def test_speech_commands_own_lists_are_the_column_split(tmp_path: Path):
    names = [f"{word}/{number}_nohash_0" for word in ("right", "wow") for number in range(4)]
    touch(tmp_path, *(f"{name}.wav" for name in names))
    assert load_corpus("speech_commands", tmp_path).labels("split") == []
    (tmp_path / "validation_list.txt").write_bytes(b"right/1_nohash_0.wav\r\nwow/1_nohash_0.wav\r\n")
    assert load_corpus("speech_commands", tmp_path).labels("split") == []
    (tmp_path / "testing_list.txt").write_text("wow/2_nohash_0.wav\nwow/9_nohash_9.wav\n", encoding="utf-8")
    utterances = load_corpus("speech_commands", tmp_path)
    parts = dict(zip(utterances.table["utterance"], utterances.table["split"], strict=True))
    assert parts.pop("wow/2_nohash_0") == "test"
    assert [name for name, part in parts.items() if part == "validation"] == ["right/1_nohash_0", "wow/1_nohash_0"]
    assert Counter(parts.values()) == {"train": 5, "validation": 2}
    (tmp_path / "testing_list.txt").write_text("wow/1_nohash_0.wav\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"wow/1_nohash_0\.wav stands in both of validation_list\.txt, testing_list"):
        load_corpus("speech_commands", tmp_path)


def test_a_broken_link_is_no_silent_loss(tmp_path: Path):
    touch(tmp_path, "wav/16b10Wb.wav")
    (tmp_path / "wav/15a07La.wav").symlink_to(tmp_path / "annex" / "gone")
    with pytest.raises(CorpusError, match=r"15a07La\.wav is a broken link: restore or remove it"):
        load_corpus("emodb", tmp_path)
