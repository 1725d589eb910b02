"""The parts of the service: decoding apart, admission, pictures, uploads."""

import asyncio
import base64
import io
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from hamiltone.audio import cut_frames, load_audio
from hamiltone.networks import DerivativesFront, Recognizer
from hamiltone.service import ServiceLimits
from hamiltone.service._decoder import Decoders
from hamiltone.service._limits import Admission, Refusal
from hamiltone.service._pictures import Pictures, envelope
from hamiltone.service._uploads import received_upload
from hamiltone.speech import Spectrogram

from ._decoders import living_decoders

pytest.importorskip("fastapi", reason="the extra serve is not installed")


def sound(seconds: float, rate: int = 16000, seed: int = 0) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate))
    soundfile.write(file, noise, rate, format="WAV")
    return file.getvalue()


def test_a_hostile_recording_takes_one_decoder_down_and_nothing_else(tmp_path: Path) -> None:
    """A decoder that dies, or hangs, is replaced; memory is bounded; the token is not in its environment."""
    good = tmp_path / "good.wav"
    good.write_bytes(sound(1, 44100))
    huge = tmp_path / "huge.wav"
    soundfile.write(huge, np.full(30 << 20, 0.1, np.float32), 16000, subtype="PCM_U8")
    lost: list[int] = []
    others = living_decoders()

    async def refusal(decoders: Decoders, path: Path) -> tuple[int, str]:
        with pytest.raises(Refusal) as error:
            await decoders.decode(path)
        return error.value.status, error.value.code

    async def story() -> None:
        limits = ServiceLimits(decoders=1, decoder_megabytes=64, seconds=1e6, decode_timeout=1.5)
        decoders = Decoders(limits, lambda: lost.append(1))
        os.environ["HAMILTONE_TOKEN"] = "secret"
        try:
            await decoders.start()
        finally:
            del os.environ["HAMILTONE_TOKEN"]
        try:
            (worker,) = living_decoders() - others
            assert "HAMILTONE_TOKEN" not in worker.environ()
            np.testing.assert_array_equal(await decoders.decode(good), load_audio(good))
            assert await refusal(decoders, huge) == (422, "audio_memory")
            np.testing.assert_array_equal(await decoders.decode(good), load_audio(good))
            assert lost == []
            worker.suspend()  # as one that loops without end
            assert await refusal(decoders, good) == (504, "decoding_timeout")
            np.testing.assert_array_equal(await decoders.decode(good), load_audio(good))
            (worker,) = living_decoders() - others
            worker.suspend()
            decoding = asyncio.create_task(refusal(decoders, good))
            await asyncio.sleep(0.2)
            worker.kill()  # as one that a decoder's fault ends
            assert await decoding == (422, "undecodable")
            np.testing.assert_array_equal(await decoders.decode(good), load_audio(good))
            assert len(lost) == 2
            (worker,) = living_decoders() - others
            worker.suspend()
            decoding = asyncio.create_task(decoders.decode(good))
            await asyncio.sleep(0.2)
            decoding.cancel()  # as a request whose time is over
            await asyncio.gather(decoding, return_exceptions=True)
            np.testing.assert_array_equal(await decoders.decode(good), load_audio(good))
        finally:
            await decoders.close()
        assert living_decoders() <= others

    asyncio.run(story())


def test_a_decoder_is_renewed_after_so_many_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts anew each time, and none of them was lost."""
    monkeypatch.setattr("hamiltone.service._decoder._RECORDINGS_EACH", 2)
    path = tmp_path / "good.wav"
    path.write_bytes(sound(0.5))
    text = tmp_path / "text.wav"
    text.write_text("no sound at all")
    lost: list[int] = []
    others = living_decoders()

    async def story() -> None:
        decoders = Decoders(ServiceLimits(decoders=1), lambda: lost.append(1))
        await decoders.start()
        try:
            (first,) = living_decoders() - others
            with pytest.raises(Refusal, match="recording: "):  # which counts, too
                await decoders.decode(text)
            assert living_decoders() - others == {first}
            np.testing.assert_array_equal(await decoders.decode(path), load_audio(path))
            assert living_decoders() <= others
            np.testing.assert_array_equal(await decoders.decode(path), load_audio(path))
            (second,) = living_decoders() - others
            assert second != first
            await decoders.decode(path)
            assert living_decoders() <= others
        finally:
            await decoders.close()

    asyncio.run(story())
    assert lost == []


def test_what_a_phone_records_is_decoded_within_the_same_limits(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV (the extra media) is not installed")
    path = tmp_path / "memo"
    with av.open(str(path), "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        noise = np.random.default_rng(0).normal(0, 0.1, (1, 96000)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    cut = tmp_path / "cut"
    cut.write_bytes(path.read_bytes()[:9000])

    async def story() -> None:
        decoders = Decoders(ServiceLimits(decoders=1, decoder_megabytes=64, seconds=60))
        await decoders.start()
        try:
            np.testing.assert_array_equal(await decoders.decode(path), load_audio(path))
            with pytest.raises(Refusal) as error:
                await decoders.decode(cut)
            assert (error.value.status, error.value.code) == (422, "audio_damaged")
        finally:
            await decoders.close()

    asyncio.run(story())


EVIL = """
import json, sys
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    sys.stdout.write(%r)
    sys.stdout.flush()
"""


@pytest.mark.parametrize(
    "answer", ['{"samples": 1000000000000}\n', "x" * 3_000_000, "[]\n", '{"samples": -1}\n', '{"code": "root"}\n']
)
def test_a_decoder_that_was_taken_over_is_not_believed(
    answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worker.py").write_text(EVIL % answer)
    monkeypatch.setattr("hamiltone.service._decoder.WORKER", tmp_path / "worker.py")
    lost: list[int] = []

    async def story() -> None:
        decoders = Decoders(ServiceLimits(decoders=1), lambda: lost.append(1))
        await decoders.start()
        try:
            with pytest.raises(Refusal, match="gave up"):
                await decoders.decode(tmp_path)
        finally:
            await decoders.close()

    asyncio.run(story())
    assert lost == [1]


def test_admission_counts() -> None:
    async def story() -> None:
        door = Admission(ServiceLimits(concurrency=1, queue=2, per_client=2))
        async with door.admitted("a"), door.admitted("a"):
            with pytest.raises(Refusal, match="of yours") as error:
                async with door.admitted("a"):
                    pass
            assert error.value.status == 429
            async with door.admitted("b"):
                with pytest.raises(Refusal, match="waiting") as error:
                    async with door.admitted("c"):
                        pass
                assert error.value.status == 503
        assert door.inside == 0

    asyncio.run(story())


def test_pictures_show_a_tone_where_and_when_it_sounds(recognizer: Recognizer) -> None:
    """3 s of 1 kHz, then 6 s of 4 kHz: the brightest row of each column is the tone's."""
    time_axis = np.arange(9 * 16000) / 16000
    wave = (0.3 * np.sin(2 * np.pi * np.where(time_axis < 3, 1000, 4000) * time_axis)).astype(np.float32)
    pictures = Pictures(recognizer.front, wave)
    for number in range(pictures.steps):
        pictures.step(number)
    detail = pictures.as_json()
    assert detail["seconds"] == 9
    picture = detail["spectrogram"]
    pixels = np.frombuffer(base64.b64decode(picture["data"]), np.uint8).reshape(picture["height"], picture["width"])
    assert pixels.shape == (128, 1000)
    assert pixels.max() == 255
    rows = 127 - pixels.argmax(axis=0)
    inner = np.r_[5:325, 345:995]
    assert set(rows[inner]) == {16, 64}  # 62.5 Hz each
    np.testing.assert_array_equal(rows[inner] == 16, inner < 333)
    assert [axis["name"] for axis in detail["axes"]] == ["discrete", "valence", "arousal", "dominance"]
    with torch.no_grad():
        embedding = recognizer.front(torch.from_numpy(cut_frames(wave, rule="keep"))).numpy()
    for number, axis in enumerate(detail["axes"]):
        assert (axis["width"], axis["height"]) == (141, 64)
        pixels = np.frombuffer(base64.b64decode(axis["data"]), np.uint8).reshape(64, 141)
        expected = np.concatenate([embedding[0, number, :62], embedding[1, number, :63], embedding[2, number]])[:141]
        assert axis["maximum"] == pytest.approx(float(expected.max()), rel=1e-5)
        np.testing.assert_allclose(pixels[::-1].T / 255 * axis["maximum"], expected, atol=axis["maximum"] / 500)


@pytest.mark.parametrize("time_reversed", [False, True])
def test_time_runs_forwards_whatever_the_front_does(time_reversed: bool) -> None:
    wave = np.random.default_rng(1).normal(0, 0.1, 3 * 16000).astype(np.float32)
    wave[: 2 * 16000] = 0
    pictures = Pictures(DerivativesFront(Spectrogram(normalisation="none", time_reversed=time_reversed)), wave)
    pictures.step(0)
    axes = pictures.as_json()["axes"]
    assert [axis["name"] for axis in axes] == ["spectrogram", "change", "change of change", "slope"]
    for axis in axes:
        picture = np.frombuffer(base64.b64decode(axis["data"]), np.uint8).reshape(axis["height"], axis["width"])
        assert picture.shape == (64, 47)
        assert picture[:, :29].max() == 0
        assert picture[:, 34:44].mean() > 20


@given(st.integers(1, 5000), st.integers(1, 100))
@settings(deadline=None)
def test_an_envelope_holds_every_sample(length: int, columns: int) -> None:
    wave = np.random.default_rng(length).normal(0, 0.3, length).astype(np.float32)
    drawn = envelope(wave, columns)
    assert len(drawn["low"]) == len(drawn["high"]) == min(columns, length)
    assert min(drawn["low"]) == pytest.approx(float(wave.min()), abs=1e-3)
    assert max(drawn["high"]) == pytest.approx(float(wave.max()), abs=1e-3)
    assert all(low <= high for low, high in zip(drawn["low"], drawn["high"], strict=True))


def test_an_upload_finds_its_folder_again_where_the_system_has_cleared_it(tmp_path: Path) -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"sound", "more_body": False}

    async def received() -> bytes:
        request = Request({"type": "http", "method": "POST", "headers": []}, receive)
        async with received_upload(request, tmp_path / "gone", ServiceLimits()) as upload:
            return upload.path.read_bytes()

    assert asyncio.run(received()) == b"sound"
    assert (tmp_path / "gone").stat().st_mode & 0o077 == 0
