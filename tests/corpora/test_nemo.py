"""nEMO: its recordings, and what data.tsv tells of them."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from hamiltone.corpora import CorpusError, load_corpus

HEADER = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
# As distributed: spaces before each speaker, and texts that hold a quotation mark alone.
LINES = {
    "KD0_neutral_38.wav": 'neutral\t"Ród smoka to serial.\tród smoka to serial\t        KD0\tfemale\t28\n',
    "TP0_anger_17.wav": "anger\tChcę przeczytać artykuł.\tchcę przeczytać artykuł\t        TP0\tmale\t26\n",
    "TP0_surprised_6.wav": "surprised\tNie jesteś szefem.\tnie jesteś szefem\t        TP0\tmale\t26\n",
}


def distributed(folder: Path, lines: dict[str, str] = LINES, header: str = HEADER) -> Path:
    (folder / "nEMO" / "samples").mkdir(parents=True, exist_ok=True)
    for name in LINES:
        (folder / "nEMO" / "samples" / name).touch()
    text = header + "".join(f"{name}\t{line}" for name, line in lines.items())
    (folder / "nEMO" / "data.tsv").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("inside", ["", "nEMO", "nEMO/samples"])
def test_nemo_as_distributed(tmp_path: Path, inside: str):
    utterances = load_corpus("nemo", distributed(tmp_path) / inside)
    table = utterances.table
    assert list(table["utterance"]) == ["KD0_neutral_38", "TP0_anger_17", "TP0_surprised_6"]
    assert list(table["speaker"]) == ["KD0", "TP0", "TP0"]
    assert list(table["sex"]) == ["female", "male", "male"]
    assert list(table["emotion"]) == ["neutral", "anger", "surprised"]
    assert list(table["text"]) == ['"Ród smoka to serial.', "Chcę przeczytać artykuł.", "Nie jesteś szefem."]
    assert utterances.note == utterances.part == "3 of 4481 clips, 2 of 9 actors"
    assert utterances.language == "Polish"


def test_nemo_agrees_with_its_table(speech_data: Path):
    utterances = load_corpus("nemo", speech_data / "nemo")
    expected = pd.read_csv(speech_data / "nemo" / "data.tsv", sep="\t", quoting=3)
    expected["utterance"] = expected["file_id"].str.removesuffix(".flac")
    expected = expected.sort_values(by="utterance").reset_index(drop=True)
    told = {
        "utterance": "utterance",
        "emotion": "emotion",
        "speaker": "speaker_id",
        "sex": "gender",
        "text": "raw_text",
    }
    for column, other in told.items():
        assert list(utterances.table[column]) == list(expected[other])
    assert Counter(utterances.table["sex"]) == {"female": 764, "male": 951}
    assert utterances.note == "1715 of 4481 clips, 7 of 9 actors"


def test_nemo_without_its_table_has_what_names_tell(tmp_path: Path):
    (distributed(tmp_path) / "nEMO" / "data.tsv").unlink()
    utterances = load_corpus("nemo", tmp_path)
    assert utterances.labels("emotion") == ["anger", "neutral", "surprised"]
    assert utterances.table[["sex", "text"]].isna().to_numpy().all()
    assert utterances.note == f"{utterances.part}; 3 recordings are not in data.tsv"


def test_what_contradicts_or_is_cut_off_is_refused(tmp_path: Path):
    wrong = LINES | {"TP0_anger_17.wav": LINES["TP0_anger_17.wav"].replace("anger", "fear")}
    with pytest.raises(CorpusError, match=r"data\.tsv says emotion 'fear' of .*TP0_anger_17\.wav: correct"):
        load_corpus("nemo", distributed(tmp_path, wrong))
    with pytest.raises(CorpusError, match=r"data\.tsv line 3 is cut off: fetch it again"):
        load_corpus("nemo", distributed(tmp_path, LINES | {"TP0_anger_17.wav": "anger\tChcę\n"}))
    with pytest.raises(CorpusError, match=r"data\.tsv lacks the column 'gender'"):
        load_corpus("nemo", distributed(tmp_path, header=HEADER.replace("gender", "sex")))
    distributed(tmp_path)
    for name in ("EB0_anger_0", "EB0_joy_1", "EB0_anger"):
        strange = tmp_path / "nEMO" / "samples" / f"{name}.wav"
        strange.touch()
        with pytest.raises(CorpusError, match=rf"{name}\.wav is no name of nEMO"):
            load_corpus("nemo", tmp_path)
        strange.unlink()
