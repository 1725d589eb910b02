"""Predictions in a notebook: scores as bars in HTML, and a figure of waveform, spectrogram and emotions over time."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32
from markupsafe import Markup

from hamiltone.audio import SAMPLE_RATE

from ._errors import ServiceError

if TYPE_CHECKING:
    from ._prediction import Prediction

_BAR = Markup('<div style="background:#0072b2;height:.8em;width:{:.0f}em"></div>')
_ROW = Markup("<tr><td>{}</td><td>{:.1f} %</td><td>{}</td></tr>")
_SHOWN_DB = 70


def prediction_html(prediction: "Prediction") -> str:
    """A table of the scores, the highest first, and the notes."""
    rows = Markup("").join(_ROW.format(name, 100 * score, _BAR.format(20 * score)) for name, score in prediction.ranked)
    notes = Markup("").join(Markup("<p>note: {}</p>").format(note) for note in prediction.notes)
    head = Markup("<p><b>{}</b> {}, {:.1f} to {:.1f} s</p>")
    told = head.format(prediction.label, prediction.path, prediction.start, prediction.end)
    return str(told + Markup("<table>") + rows + Markup("</table>") + notes)


def prediction_figure(prediction: "Prediction", waveform: Float32[np.ndarray, " sample"]) -> Any:
    """A matplotlib figure: the waveform, its spectrogram, and the scores of the windows.

    Args:
        prediction: of it.
        waveform: the sound that the prediction is of, at 16 kHz.

    Raises:
        ServiceError: another length of sound than the prediction is of.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow, and seldom needed
    from matplotlib.figure import Figure  # noqa: PLC0415

    if abs(len(waveform) / SAMPLE_RATE - (prediction.end - prediction.start)) > 1 / SAMPLE_RATE:
        raise ServiceError(f"{prediction.path}: the sound that is given is not that which the prediction is of")
    figure = Figure(figsize=(9, 6), layout="constrained")
    FigureCanvasAgg(figure)
    wave, spectrum, emotions = figure.subplots(3, 1, sharex=True)
    time = prediction.start + np.arange(len(waveform)) / SAMPLE_RATE
    wave.plot(time, waveform, linewidth=0.5, color="black")
    wave.set(ylabel="waveform", title=f"{prediction.path}: {prediction.label}")
    heard = np.pad(waveform, (0, max(0, 512 - len(waveform))))
    span = (prediction.start, prediction.start + len(heard) / SAMPLE_RATE)
    with np.errstate(divide="ignore"):  # silence has no logarithm, and is not shown
        *_, picture = spectrum.specgram(heard, NFFT=256, Fs=SAMPLE_RATE, noverlap=128, xextent=span)
    loudest = picture.get_array().max()
    picture.set_clim(loudest - _SHOWN_DB, loudest)
    spectrum.set(ylabel="frequency (Hz)")
    for name, _ in prediction.ranked:
        starts = [frame.start for frame in prediction.frames] + [prediction.frames[-1].end]
        scores = [frame.scores[name] for frame in prediction.frames]
        emotions.plot(starts, [*scores, scores[-1]], drawstyle="steps-post", label=name)
    emotions.set(ylabel="score of the window", ylim=(0, 1), xlabel="seconds", xlim=(prediction.start, prediction.end))
    emotions.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure
