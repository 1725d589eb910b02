import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict

from hamiltone.corpora import (
    SYNTHETIC_EMOTIONS,
    SYNTHETIC_VOICES,
    SYNTHETIC_WORDS,
    CorpusError,
    Utterances,
    affect_targets,
    audio_groups,
    load_corpus,
    split_by_speaker,
)
from hamiltone.corpora.loaders import synthetic as loader


@pytest.fixture(scope="module")
def audio(synthetic: Utterances) -> list[np.ndarray]:
    clips = []
    for path in synthetic.table["path"]:
        with soundfile.SoundFile(path) as file:
            assert (file.samplerate, file.channels, file.format, file.subtype) == (16000, 1, "FLAC", "PCM_16")
            clips.append(file.read())
    return clips


@pytest.fixture(scope="module")
def prosody(audio: list[np.ndarray]) -> np.ndarray:
    """Loudness in dB, seconds of speech, and pitch in octaves, per clip."""
    return np.array([measured(clip) for clip in audio])


def measured(clip: np.ndarray) -> tuple[float, float, float]:
    loud = np.flatnonzero(np.abs(clip) > 0.005)
    speech = clip[loud[0] : loud[-1]]
    frames = np.lib.stride_tricks.sliding_window_view(speech, 640)[::160]
    power = np.abs(np.fft.rfft(frames - frames.mean(axis=1, keepdims=True), 2048)) ** 2
    correlation = np.fft.irfft(power)[:, :320]
    correlation /= correlation[:, :1]
    lags = 40 + correlation[:, 40:].argmax(axis=1)
    voiced = correlation[:, 40:].max(axis=1) > 0.5
    pitch = np.median(np.log2(16000 / lags[voiced])) if voiced.any() else np.nan
    return float(20 * np.log10(speech.std())), len(speech) / 16000, float(pitch)


def test_every_voice_says_every_word_in_every_emotion_twice(synthetic: Utterances):
    table = synthetic.table
    assert len(synthetic) == 512
    combinations = Counter(zip(table["speaker"], table["word"], table["emotion"], strict=True))
    assert len(combinations) == 8 * 8 * 4
    assert set(combinations.values()) == {2}
    assert synthetic.labels("speaker") == sorted(SYNTHETIC_VOICES)
    assert all((synthetic.table["sex"] == "female") == synthetic.table["speaker"].str.startswith("f"))
    assert Counter(voice[0] for voice in SYNTHETIC_VOICES) == {"f": 4, "m": 4}
    assert synthetic.labels("word") == sorted(SYNTHETIC_WORDS)
    assert synthetic.labels("emotion") == list(SYNTHETIC_EMOTIONS)
    assert list(table["text"]) == list(table["word"])
    assert synthetic.note == "synthetic voices (eSpeak NG), not people"
    assert "not people" in str(synthetic)
    assert [Path(path).stem for path in table["path"]] == list(table["utterance"])


def test_clips_are_short_audible_unclipped_and_all_different(synthetic: Utterances, audio: list[np.ndarray]):
    assert all(0.3 < len(clip) / 16000 < 1.5 for clip in audio)
    assert all(0.03 < np.abs(clip).max() < 0.99 for clip in audio)
    assert len(set(audio_groups(synthetic))) == 512


def test_ratings_follow_the_emotion(synthetic: Utterances):
    table = synthetic.table
    for emotion, designed in loader._MEANS.items():
        ratings = table.loc[(table["emotion"] == emotion).to_numpy(), ["valence", "arousal", "dominance"]].to_numpy()
        assert np.abs(ratings.mean(axis=0) - [designed.valence, designed.arousal, designed.dominance]).max() < 0.15
        assert (ratings.std(axis=0) > 0.2).all()
    targets = affect_targets(synthetic)
    assert not np.isnan(targets).any()
    assert ((targets.mean(axis=0) > 0.2) & (targets.mean(axis=0) < 0.8)).all()


def test_prosody_differs_as_designed(synthetic: Utterances, prosody: np.ndarray):
    emotion = synthetic.table["emotion"].to_numpy(dtype=object)
    speaker = synthetic.table["speaker"].to_numpy(dtype=object)
    for voice in SYNTHETIC_VOICES:
        loudness, seconds, pitch = (
            {name: np.nanmean(prosody[(emotion == name) & (speaker == voice), column]) for name in SYNTHETIC_EMOTIONS}
            for column in range(3)
        )
        assert loudness["sad"] < loudness["neutral"] < loudness["happy"] < loudness["angry"]
        assert loudness["angry"] - loudness["sad"] > 8
        assert seconds["angry"] < seconds["neutral"] < seconds["sad"]
        assert pitch["sad"] < pitch["happy"] - 0.2


def test_emotions_of_an_unheard_voice_are_recoverable_but_overlap(synthetic: Utterances, prosody: np.ndarray):
    emotion, speaker = list(synthetic.table["emotion"]), list(synthetic.table["speaker"])
    guessed = cross_val_predict(
        LinearDiscriminantAnalysis(), prosody[:, :2], emotion, groups=speaker, cv=LeaveOneGroupOut()
    )
    assert 0.65 < np.mean(guessed == np.array(emotion)) < 0.95


def test_the_bytes_are_the_same_wherever_it_is_made(synthetic: Utterances, tmp_path: Path):
    root = tmp_path / "new"
    again = load_corpus("synthetic", root)
    assert again.root.parent == root
    assert again.root.name == synthetic.root.name
    files = sorted(path.relative_to(root) for path in root.rglob("*.*") if path.suffix != ".lock")
    assert len(files) == 513
    for file in files:
        assert (root / file).read_bytes() == (synthetic.root.parent / file).read_bytes()
    labels = ["valence", "arousal", "dominance"]
    assert again.table[labels].equals(synthetic.table[labels])
    assert split_by_speaker(again) == split_by_speaker(synthetic)


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan of few clips, two of a voice with random breath."""
    pytest.importorskip("espeakng_loader")
    clips = loader._designed_clips()
    monkeypatch.setattr(loader, "_designed_clips", lambda: [clips[row] for row in (0, 70, 71, 300)])


@pytest.mark.usefixtures("brief")
def test_it_is_made_once_and_again_when_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path))
    made = load_corpus("synthetic")
    assert made.root.parent == tmp_path / "synthetic"
    contents = {path: Path(path).read_bytes() for path in made.table["path"]}
    with monkeypatch.context() as patch:
        patch.setattr(loader, "_spoken", None)
        assert load_corpus("synthetic").table.equals(made.table)
    for victim, damage in ((Path(min(contents)), None), (made.root / "utterances.json", "[")):
        victim.unlink() if damage is None else victim.write_text(damage)
        assert load_corpus("synthetic").table.equals(made.table)
        assert {path: Path(path).read_bytes() for path in contents} == contents


@pytest.mark.usefixtures("brief")
def test_another_recipe_is_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    one = load_corpus("synthetic", tmp_path)
    monkeypatch.setattr(loader, "_NOISE_DBFS", -50.0)
    other = load_corpus("synthetic", tmp_path)
    assert one.root != other.root
    assert one.root.parent == other.root.parent == tmp_path
    assert Path(one.table["path"].iloc[0]).read_bytes() != Path(other.table["path"].iloc[0]).read_bytes()


@pytest.mark.usefixtures("brief")
def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write, written = soundfile.write, []

    def fill(path, *rest, **named):
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(path)
        write(path, *rest, **named)

    monkeypatch.setattr(loader.soundfile, "write", fill)
    with pytest.raises(CorpusError, match=r"synthetic: cannot make the corpus: .*No space left"):
        load_corpus("synthetic", tmp_path)
    assert len(written) == 2
    assert [item for item in tmp_path.iterdir() if item.suffix != ".lock"] == []


@pytest.mark.usefixtures("brief")
def test_a_root_that_is_a_file_is_refused(tmp_path: Path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(CorpusError, match="synthetic: cannot make the corpus"):
        load_corpus("synthetic", file)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(CorpusError, match=r"pip install 'hamiltone\[synthetic\]'"):
        load_corpus("synthetic", tmp_path)
    assert list(tmp_path.iterdir()) == []


CLIP = {"speaker": "f1", "word": "river", "pitch": 50.0, "range": 50.0, "rate": 160.0}


def test_failures_of_the_speaking_process_are_one_line(tmp_path: Path):
    espeak = pytest.importorskip("espeakng_loader")
    library, data = espeak.get_library_path(), espeak.get_data_path()
    with pytest.raises(CorpusError, match=r"eSpeak NG failed \(exit code 1\): .*no-library"):
        loader._spoken([CLIP], str(tmp_path / "no-library.so"), data)
    with pytest.raises(CorpusError, match=r"no eSpeak NG data at .*no-data"):
        loader._spoken([CLIP], library, str(tmp_path / "no-data"))


def test_a_long_path_to_the_voices_is_no_obstacle(tmp_path: Path):
    espeak = pytest.importorskip("espeakng_loader")
    deep = tmp_path / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    (deep / "espeak-ng-data").symlink_to(espeak.get_data_path())
    speech, rate = loader._spoken(
        [CLIP, CLIP | {"speaker": "m1"}], espeak.get_library_path(), str(deep / "espeak-ng-data")
    )
    assert rate == 22050
    assert len(speech) == 2
    assert all(0.2 * rate < clip.size < rate and np.abs(clip).max() > 0.1 for clip in speech)
