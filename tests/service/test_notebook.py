"""What a notebook shows of a prediction and of a record."""

import numpy as np
import pytest
import soundfile

from hamiltone.audio import SAMPLE_RATE
from hamiltone.service import Predictor, ServiceError


@pytest.fixture
def recording(tmp_path):
    time = np.arange(9 * SAMPLE_RATE) / SAMPLE_RATE
    sound = np.random.default_rng(0).normal(0, 0.1, len(time)) * np.sin(2 * np.pi * 2 * time) ** 2
    soundfile.write(tmp_path / "a <b>.wav", sound, SAMPLE_RATE)
    return tmp_path / "a <b>.wav"


def test_a_prediction_is_a_table_whose_names_are_escaped(recognizer, recording):
    prediction = Predictor(recognizer).predict(recording)
    html = prediction._repr_html_()
    assert "a &lt;b&gt;.wav" in html and "<b>.wav" not in html
    assert html.count("<tr>") == 3
    assert html.index(prediction.ranked[0][0]) < html.index(prediction.ranked[1][0])


def test_a_plot_has_the_waveform_the_spectrogram_and_each_class_over_time(recognizer, recording):
    predictor = Predictor(recognizer)
    prediction = predictor.predict(recording)
    figure = prediction.plot()
    wave, spectrum, emotions = figure.axes
    assert len(wave.lines[0].get_xdata()) == 9 * SAMPLE_RATE and spectrum.images
    assert {line.get_label() for line in emotions.lines} == set(prediction.scores)
    line = next(line for line in emotions.lines if line.get_label() == "sad")
    assert list(line.get_ydata())[:-1] == [frame.scores["sad"] for frame in prediction.frames]
    assert emotions.get_xlim() == (0, 9)
    figure.canvas.draw()
    short = np.tile(np.array([0.1, -0.1], np.float32), 50)
    memory = predictor.predict_waveform(short, start=2.0)
    assert memory.plot(short).axes[0].lines[0].get_xdata()[0] == 2.0
    with pytest.raises(ServiceError, match="not that which"):
        memory.plot(np.ones(5000, np.float32))
