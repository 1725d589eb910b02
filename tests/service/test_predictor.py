import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import hamiltone
from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE, AudioError, FrameRule, cut_frames, load_audio, stream_frames
from hamiltone.networks import (
    BundleError,
    Recognizer,
    SpectrogramFront,
    check_bundle_place,
    save_bundle,
    vgg,
)
from hamiltone.service import (
    Predictor,
    ServiceError,
    check_csv_path,
    export_hub,
    find_recordings,
    licence_notice,
    model_folder,
    write_csv,
)
from hamiltone.speech import Spectrogram


def recognizer(rule: FrameRule = "drop_short") -> Recognizer:
    torch.manual_seed(0)
    front = SpectrogramFront(Spectrogram(scale="decibel").fit([torch.randn(2, FRAME_SAMPLES)]))
    network = vgg(11, "real", 2, width=1 / 32, hidden=8, input_shape=front.shape)
    return Recognizer(front, network, ["calm", "angry"], frame_rule=rule)


@pytest.mark.parametrize("rule", ["drop_short", "keep", "drop"])
@pytest.mark.parametrize("seconds", [0.3, 4.0, 4.5, 9.25, 45.0])
def test_a_stream_gives_the_scores_of_the_whole(tmp_path: Path, seconds: float, rule: FrameRule) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, round(seconds * 22050)), 22050)
    model = recognizer(rule)
    prediction = Predictor(model).predict(path, hop=4.0)
    with torch.no_grad():
        expected = model(torch.from_numpy(cut_frames(load_audio(path), rule=rule))).softmax(dim=1)
    got = torch.tensor([[frame.scores[label] for label in model.labels] for frame in prediction.frames])
    torch.testing.assert_close(got, expected)
    assert list(prediction.scores.values()) == pytest.approx(expected.mean(dim=0).tolist(), abs=1e-6)
    assert prediction.frames[-1].end <= prediction.end == pytest.approx(seconds, abs=1e-3)
    finer = Predictor(model).predict(path, hop=0.75)  # which changes no overall score
    assert list(finer.scores.values()) == pytest.approx(list(prediction.scores.values()), abs=1e-6)
    assert finer.label == prediction.label


@given(
    st.lists(st.integers(0, 3 * FRAME_SAMPLES // 2), min_size=1, max_size=6),
    st.sampled_from(["drop_short", "keep", "drop"]),
    st.sampled_from([FRAME_SAMPLES, FRAME_SAMPLES // 2, FRAME_SAMPLES // 4 + 7]),
)
@settings(deadline=None, max_examples=60)
def test_streamed_frames_are_those_of_the_whole(lengths: list[int], rule: FrameRule, hop: int) -> None:
    blocks = [np.random.default_rng(i).normal(0, 1, n).astype(np.float32) for i, n in enumerate(lengths)]
    whole = np.concatenate(blocks)
    frames = list(stream_frames(blocks, rule=rule, hop=hop))
    if not len(whole):
        assert frames == []
        return
    expected = cut_frames(whole, rule=rule, hop=hop)
    assert len(frames) == len(expected)
    for frame, padded in zip(frames, expected, strict=True):
        assert np.array_equal(np.pad(frame, (0, FRAME_SAMPLES - len(frame))), padded)


def noise(path: Path, seconds: float, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, round(seconds * SAMPLE_RATE)), SAMPLE_RATE)
    return path


def test_windows_may_overlap(tmp_path: Path) -> None:
    path = noise(tmp_path / "x.wav", 7.0)
    model = recognizer()
    prediction = Predictor(model).predict(path, hop=1.5)
    assert [(frame.start, frame.end) for frame in prediction.frames] == [(0, 4), (1.5, 5.5), (3, 7)]
    with torch.no_grad():
        expected = model(torch.from_numpy(cut_frames(load_audio(path), hop=24000))).softmax(dim=1)
    got = torch.tensor([[frame.scores[label] for label in model.labels] for frame in prediction.frames])
    torch.testing.assert_close(got, expected)
    by_default = Predictor(model).predict(path)
    assert [frame.start for frame in by_default.frames] == [0, 1, 2, 3]
    for hop in (0.0, 0.1, -1.0, 4.5, float("nan")):
        with pytest.raises(ServiceError, match=r"choose one from 0\.5 to 4 s"):
            Predictor(model).predict(path, hop=hop)


@given(st.lists(st.sampled_from([0.4, 3.9, 9.0, 33.0, "silent", "text", "cut"]), max_size=6))
@settings(deadline=None, max_examples=15)
def test_recordings_share_batches_and_faults_do_not_spread(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[float | str]
) -> None:
    folder = tmp_path_factory.mktemp("mixed")
    paths = [folder / f"{index}.wav" for index in range(len(kinds))]
    for seed, (path, kind) in enumerate(zip(paths, kinds, strict=True)):
        noise(path, kind if isinstance(kind, float) else 36.0, seed)
        if kind == "silent":
            soundfile.write(path, np.full(36 * SAMPLE_RATE, 0.001), SAMPLE_RATE)
        elif kind == "text":
            path.write_text("no sound")
        elif kind == "cut":
            soundfile.write(path.with_suffix(".flac"), soundfile.read(path)[0], SAMPLE_RATE)
            whole = path.with_suffix(".flac").read_bytes()
            path.write_bytes(whole[: len(whole) * 9 // 10])
    predictor = Predictor(recognizer())
    heard: list[tuple[Path, float]] = []
    results = list(predictor.predict_all(paths, report=lambda path, seconds: heard.append((path, seconds))))
    assert len(results) == len(paths)
    for path, kind, result in zip(paths, kinds, results, strict=True):
        if isinstance(kind, str):
            assert isinstance(result, AudioError)
            assert str(result).startswith(f"{path}: ")
            continue
        alone = predictor.predict(path)
        assert not isinstance(result, AudioError)
        assert (result.path, result.label) == (str(path), alone.label)
        assert [frame.end for frame in result.frames] == [frame.end for frame in alone.frames]
        assert result.scores == pytest.approx(alone.scores, abs=1e-6)
        assert sum(seconds for of, seconds in heard if of == path) == pytest.approx(kind)


def test_folders_are_searched_for_recordings(tmp_path: Path) -> None:
    names = ["b/2.MP3", "b/1.wav", "a.flac", "b/.hidden.wav", ".cache/3.wav", "notes.txt", "b/c/deep.opus"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in find_recordings([tmp_path, tmp_path / "notes.txt"])]
    assert found == ["a.flac", "b/1.wav", "b/2.MP3", "b/c/deep.opus", "notes.txt"]
    told: list[str] = []
    assert [path.name for path in find_recordings([tmp_path / "b"], unreadable=told.append)] == [
        "1.wav",
        "2.MP3",
        "deep.opus",
    ]
    assert not told
    for name in ["1.voc", "b/2.AVI", "b/c/3.wv", "4.gsm", "5.mov", "6.mov", ".7.voc"]:
        (tmp_path / name).touch()
    assert len(find_recordings([tmp_path], remark=told.append)) == 4
    named = "1.voc, 4.gsm, 5.mov, 6.mov, b/2.AVI and 1 more"
    assert told == [f"{tmp_path}: 6 files look like sound and are left out: {named}; name a file to have it tried"]
    (tmp_path / "link").symlink_to(tmp_path / "b" / "c")
    (tmp_path / "b" / "c" / "round").symlink_to(tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in find_recordings([tmp_path])]
    assert found == ["a.flac", "b/1.wav", "b/2.MP3", "b/c/deep.opus"]  # each once, by its own name
    (tmp_path / "elsewhere").symlink_to(tmp_path.parent / f"{tmp_path.name}-disk")
    other = tmp_path.parent / f"{tmp_path.name}-disk"
    other.mkdir()
    (other / "far.wav").touch()
    assert tmp_path / "elsewhere" / "far.wav" in find_recordings([tmp_path])
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.mov").touch()
    with pytest.raises(ServiceError, match=r"1 file looks like sound and is left out: a\.mov"):
        find_recordings([tmp_path / "films"])
    with pytest.raises(ServiceError, match="no recordings in this folder"):
        find_recordings([tmp_path / "empty"])


def test_csv_has_the_whole_and_the_windows(tmp_path: Path) -> None:
    predictor = Predictor(recognizer())
    predictions = [predictor.predict(noise(tmp_path / f"{seed}, of 2.wav", 9.0, seed), hop=4.0) for seed in (1, 2)]
    write_csv(predictions, predictor.recognizer.labels, tmp_path / "x.csv")
    table = pd.read_csv(tmp_path / "x.csv")
    scores = ["score_calm", "score_angry"]
    assert list(table.columns) == ["recording", "speaker", "part", "start", "end", "label", *scores, "notes"]
    assert set(table["label"]) == {"unsure"}  # of noise
    assert table["notes"].notna().tolist() == [True, False, False, False] * 2
    assert list(table["part"]) == ["overall", "frame", "frame", "frame"] * 2
    for prediction in predictions:
        mine = table.loc[table["recording"] == prediction.path]
        overall, frames = mine.iloc[0], mine.iloc[1:]
        assert (overall["start"], overall["end"]) == (0, 9)
        assert float(np.mean(frames["score_angry"])) == pytest.approx(float(overall["score_angry"]), abs=2e-6)
        assert list(frames["label"]) == [frame.label for frame in prediction.frames]


def test_shipped_weights_are_found_the_moment_they_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamiltone, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(ServiceError, match="comes without weights"):
        Predictor()
    save_bundle(recognizer(), tmp_path / "weights" / "four")
    assert Predictor().recognizer.labels == ("calm", "angry")
    assert licence_notice(model_folder()) == ""
    (tmp_path / "weights" / "four" / "LICENCE").write_text("Non-commercial use only.\n\nMore.\n")
    assert licence_notice(model_folder()) == "Non-commercial use only."


def test_silence_is_an_error(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.full(SAMPLE_RATE, 0.001), SAMPLE_RATE)
    with pytest.raises(AudioError, match="is silent"):
        Predictor(recognizer()).predict(tmp_path / "silent.wav")


def test_recordings_as_distributed(speech_data: Path) -> None:
    """48 kHz and stereo files are heard as their converted copies are."""
    predictor = Predictor(recognizer())
    originals = sorted((speech_data / "original-layout" / "ravdess").rglob("*.wav"))
    assert len(originals) == 8
    for original in originals:
        converted = speech_data / "ravdess" / original.parent.name / f"{original.stem}.flac"
        one, other = predictor.predict(original), predictor.predict(converted)
        assert list(one.scores.values()) == pytest.approx(list(other.scores.values()), abs=0.02)


def test_a_table_is_written_over_no_folder_and_no_recording(tmp_path: Path) -> None:
    recording = tmp_path / "x.wav"
    recording.write_bytes(b"sound")
    with pytest.raises(ServiceError, match="is a folder; name a file"):
        check_csv_path(tmp_path, [recording])
    with pytest.raises(ServiceError, match="is one of the files that are read, and would be lost"):
        check_csv_path(tmp_path / "." / "x.wav", [tmp_path / "gone.wav", recording])
    check_csv_path(tmp_path / "scores.csv", [recording])
    check_csv_path(tmp_path / "new" / "folder" / "scores.csv", [recording])
    os.mkfifo(tmp_path / "pipe")
    for device in (tmp_path / "pipe", Path("/dev/stdout"), Path("/dev/fd/1"), Path("/dev/null")):
        with pytest.raises(ServiceError, match="is a device or a pipe"):
            check_csv_path(device, [])
    with pytest.raises(ServiceError, match=r"x\.wav: is a file, so that .*scores\.csv cannot be written"):
        check_csv_path(recording / "scores.csv", [])


def test_locked_folders_are_told(plain_user: Path) -> None:
    recording = noise(plain_user / "x.wav", 1.0, 0)
    locked = plain_user / "locked"
    locked.mkdir(mode=0o000)
    told: list[str] = []
    assert find_recordings([plain_user], unreadable=told.append) == [recording]
    assert told == [f"{locked}: cannot be read: Permission denied"]
    with pytest.raises(ServiceError, match="cannot be read"):
        find_recordings([plain_user])
    for place in (locked / "scores.csv", locked / "below" / "scores.csv"):
        with pytest.raises(ServiceError, match=f"^{locked}: may not be written; name another place than {place}$"):
            check_csv_path(place, [])


def test_a_model_is_saved_over_a_model_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BundleError, match="holds something else than a model"):
        save_bundle(recognizer(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    for _ in range(2):
        save_bundle(recognizer(), tmp_path / "model")
        check_bundle_place(tmp_path / "model")
    (tmp_path / "record.json").touch()
    with pytest.raises(BundleError, match="is the model that the run's record tells of"):
        check_bundle_place(tmp_path / "model")


@pytest.mark.parametrize("other", [".git", "src", "thesis.txt", ".env"])
def test_a_folder_of_which_a_model_is_a_part_is_kept(tmp_path: Path, other: str) -> None:
    for name in ("mine", "whole"):
        save_bundle(recognizer(), tmp_path / name)
    place = tmp_path / "mine" / other
    if other in (".git", "src"):
        place.mkdir()
    else:
        place.write_text("mine")
    for attempt in (
        lambda: save_bundle(recognizer(), tmp_path / "mine"),
        lambda: export_hub(tmp_path / "whole", tmp_path / "mine"),
    ):
        with pytest.raises(BundleError, match=rf"holds something else than a model \({other}\)"):
            attempt()
    assert place.exists()


def test_another_s_config_makes_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"port": 8080}')
    with pytest.raises(BundleError, match=r"holds something else than a model \(config.json\)"):
        check_bundle_place(tmp_path)
