"""A part of a corpus is used only where the settings say so."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from hamiltone.corpora import CorpusError, CorpusSettings, load_corpus, load_utterances
from hamiltone.settings import read_settings
from hamiltone.study import Study
from hamiltone.study._graph import build_graph


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """Twenty-four of EmoDB's names, with noise."""
    (tmp_path / "wav").mkdir()
    for speaker in ("03", "08", "09"):
        for number, emotion in enumerate("WLNWLNWL"):
            noise = np.random.default_rng([int(speaker), number]).uniform(-0.5, 0.5, 400)
            soundfile.write(tmp_path / "wav" / f"{speaker}a01{emotion}{'abcdefgh'[number]}.wav", noise, 16000)
    return tmp_path


def test_a_part_is_refused_and_the_line_names_the_setting(part: Path) -> None:
    with pytest.raises(CorpusError) as error:
        load_utterances(CorpusSettings(name="emodb", root=str(part)))
    message = str(error.value)
    assert message.startswith(f"emodb: {part} is not the whole corpus (24 of 535 clips, 3 of 10 speakers): ")
    assert f"hamiltone corpus check emodb={part}" in message
    assert "corpus.partial=true" in message


def test_a_part_is_used_where_the_settings_say_so_and_its_note_tells(part: Path) -> None:
    utterances = load_utterances(CorpusSettings(name="emodb", root=str(part), partial=True))
    assert (len(utterances), utterances.note) == (24, "24 of 535 clips, 3 of 10 speakers")


def test_what_has_no_published_size_is_never_a_part(part: Path) -> None:
    (part / "corpus.csv").write_text("path,speaker,emotion\nwav/03a01Wa.wav,3,anger\n")
    assert len(load_utterances(CorpusSettings(name="table", root=str(part / "corpus.csv")))) == 1
    assert load_corpus("synthetic").part == ""


def test_it_is_no_part_of_a_runs_identity(part: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        f'name = "a"\nout = "runs/a"\n[corpus]\nname = "emodb"\nroot = "{part}"\n[front]\nkind = "spectrogram"\n'
    )
    assert read_settings(path).key() == read_settings(path, ["corpus.partial=true"]).key()


def test_a_study_says_it_for_each_of_its_corpora(part: Path) -> None:
    def study(**corpus: Any) -> Study:
        content = {
            "name": "tiny",
            "corpora": {"emodb": {"root": str(part), **corpus}},
            "splits": [{"kind": "actor", "fractions": [0.4, 0.3, 0.3]}],
            "methods": ["none", "S"],
            "layers": [2],
            "networks": {"real": {"run": {"front": {"kind": "spectrogram"}, "network": {"algebra": "real"}}}},
            "speaker": {"corpus": {"name": "emodb", "root": str(part), "partial": True}},
        }
        return Study.model_validate(content)

    with pytest.raises(CorpusError, match=r"set corpus\.partial=true"):
        build_graph(study())
    nodes = build_graph(study(partial=True)).nodes
    assert {node.kind for node in nodes} == {"speaker", "recogniser"}
    assert all(node.settings.corpus.partial for node in nodes)
