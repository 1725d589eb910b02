import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hamiltone.corpora import CorpusError, Utterances, audio_groups, load_corpus


def of_paths(paths: list[Path]) -> Utterances:
    rows = [{"utterance": f"{number:03}", "path": str(path)} for number, path in enumerate(paths)]
    return Utterances.from_rows(rows, corpus="made", root=Path("/"))


def test_segments_of_one_recording_belong_together(tmp_path: Path, record):
    one, two = record(tmp_path / "1.wav", 1), record(tmp_path / "2.wav", 2)
    assert audio_groups(of_paths([two, one, two, one])).tolist() == [0, 1, 0, 1]
    assert audio_groups(of_paths([])).shape == (0,)


def test_identical_audio_is_found_in_other_containers_and_channels(tmp_path: Path, record):
    original = record(tmp_path / "a.wav", 1, samples=9000)
    samples, rate = soundfile.read(original, dtype="int16")
    soundfile.write(tmp_path / "b.flac", samples, rate)
    soundfile.write(tmp_path / "c.aiff", samples, rate)
    soundfile.write(tmp_path / "d.wav", samples / 32768, rate, subtype="FLOAT")
    soundfile.write(tmp_path / "e.wav", np.stack([samples, samples], axis=1), rate)
    other = record(tmp_path / "f.wav", 2, samples=9000)
    names = ["a.wav", "b.flac", "c.aiff", "d.wav", "e.wav"]
    groups = audio_groups(of_paths([other, *(tmp_path / name for name in names)]))
    assert groups.tolist() == [0, 1, 1, 1, 1, 1]


def test_almost_identical_audio_stays_apart(tmp_path: Path, record):
    original = record(tmp_path / "a.wav", 1, samples=9000)
    samples, rate = soundfile.read(original, dtype="int16")
    changed = samples.copy()
    changed[-1] += 1
    soundfile.write(tmp_path / "last.wav", changed, rate)
    soundfile.write(tmp_path / "rate.wav", samples, 8000)
    soundfile.write(tmp_path / "short.wav", samples[:-1], rate)
    paths = [original, *(tmp_path / name for name in ("last.wav", "rate.wav", "short.wav"))]
    assert audio_groups(of_paths(paths)).tolist() == [0, 1, 2, 3]


def test_real_speech_agrees_with_comparing_every_pair(speech_data: Path):
    whole = load_corpus("ravdess", speech_data / "ravdess")
    utterances = whole.select((whole.table["speaker"] == "07").to_numpy())
    audio = [soundfile.read(path)[0] for path in utterances.table["path"]]
    same = np.array([[np.array_equal(a, b) for a in audio] for b in audio])
    groups = audio_groups(utterances)
    np.testing.assert_array_equal(groups[:, None] == groups[None, :], same)
    pair = utterances.table["utterance"].isin(["03-01-03-01-02-01-07", "03-01-03-01-02-02-07"]).to_numpy()
    assert len(set(groups[pair])) == 1
    assert len(set(groups)) == 59


def test_a_recording_that_was_changed_is_read_again(tmp_path: Path, record):
    paths = [record(tmp_path / "1.wav", 1), record(tmp_path / "2.wav", 1)]
    assert audio_groups(of_paths(paths)).tolist() == [0, 0]
    before = paths[1].stat()
    record(paths[1], 2)
    os.utime(paths[1], ns=(before.st_atime_ns, before.st_mtime_ns + 1))  # clocks of files may be coarse
    assert audio_groups(of_paths(paths)).tolist() == [0, 1]


def test_unreadable_audio_is_named(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"gone\.wav: no such file: restore"):
        audio_groups(of_paths([tmp_path / "gone.wav"]))
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(CorpusError, match=r"text\.wav: is no audio file, but a text: restore"):
        audio_groups(of_paths([tmp_path / "text.wav"]))


def test_what_telephones_record_can_be_parted(tmp_path: Path, record, encode):
    samples, rate = soundfile.read(record(tmp_path / "a.wav", 1, samples=9000), always_2d=True)
    for name in ("b", "c"):
        encode(tmp_path / f"{name}.m4a", samples, rate, "aac", "ipod")
    encode(tmp_path / "d.m4a", samples[::-1], rate, "aac", "ipod")
    paths = [tmp_path / name for name in ("a.wav", "b.m4a", "c.m4a", "d.m4a")]
    assert audio_groups(of_paths(paths)).tolist() == [0, 1, 1, 2]
