"""Tables and the picture of the page on first weights."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from hamiltone.records import Epoch

from ..pages import markdown_table, svg_text
from ._signal import LAYERS, Signal

Epochs = Mapping[tuple[str, float], Sequence[Sequence[Epoch]]]
"""Epochs of each training by start and learning rate."""

Counts = Mapping[tuple[str, str], tuple[Sequence[int], Sequence[int]]]
"""Constant axes for each seed, before and after, by start and scale."""

_SHOWN = (1, 2, 5, 9, 13)


def signal_table(signals: Mapping[str, Signal]) -> str:
    """What is left behind some layers."""
    rows = []
    for name, found in signals.items():
        for what, values in (
            ("deviation of the map", found.deviation),
            ("deviation between frames", found.between),
            ("gradient over weights", found.gradient),
        ):
            rows.append([name, what, *(f"{values[layer - 1]:.2g}" for layer in _SHOWN)])
        rows.append([name, "deviation of the scores", *[""] * (len(_SHOWN) - 1), f"{found.scores:.2g}"])
    return markdown_table(["start", "", *(f"layer {layer}" for layer in _SHOWN)], rows, left=2)


def epochs_table(epochs: Epochs) -> str:
    """Cross-entropy on the training part, and UAR of unseen speakers, in some epochs: means, and of UAR the range."""
    last = max(len(found) for trainings in epochs.values() for found in trainings)
    shown = sorted({1, max(last // 4, 1), max(last // 2, 1), last})
    rows = []
    for (name, rate), trainings in epochs.items():
        losses = [fmean(found[epoch - 1].train["cross_entropy"] for found in trainings) for epoch in shown]
        recalls = [[epoch.validation["uar"] for epoch in found] for found in trainings]
        at_the_end, best = _spread([found[-1] for found in recalls]), _spread([max(found) for found in recalls])
        rows.append([name, f"{rate:g}", *(f"{loss:.3f}" for loss in losses), at_the_end, best])
    columns = [
        "start",
        "learning rate",
        *(f"cross-entropy, epoch {epoch}" for epoch in shown),
        f"validation UAR, epoch {last}, %",
        "best, %",
    ]
    return markdown_table(columns, rows, left=1)


def _spread(recalls: Sequence[float]) -> str:
    """Their mean, and where there are several the least and the most, in per cent."""
    mean = f"{100 * fmean(recalls):.1f}"
    return mean if len(recalls) == 1 else f"{mean} ({100 * min(recalls):.1f} to {100 * max(recalls):.1f})"


def axes_table(axes: Counts, steps: int) -> str:
    """How many RH-Emos have constant axes."""
    rows = []
    for (name, scale), counts in axes.items():
        told = [f"{sum(1 for count in part if count)} of {len(part)} ({sum(part)})" for part in counts]
        rows.append([name, scale, *told])
    columns = ["start", "spectrogram", "as it starts", f"after {steps} steps"]
    return markdown_table(columns, rows, left=2)


def signal_picture(signals: Mapping[str, Signal]) -> str:
    """Deviation of maps and gradient by layer, as SVG."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    FigureCanvasSVG(figure)
    deviation, gradient = figure.subplots(1, 2)
    layers = range(1, LAYERS + 1)
    for name, found in signals.items():
        deviation.semilogy(layers, found.deviation, "o-", markersize=3, label=name)
        gradient.semilogy(layers, found.gradient, "o-", markersize=3)
    _described(deviation, "deviation of the map, input = 1", "layer")
    _described(gradient, "gradient over weights", "layer")
    deviation.legend(fontsize=7)
    return svg_text(figure)


def epochs_picture(epochs: Epochs) -> str:
    """Cross-entropy on the training part by epoch, a line for each training, a panel for each learning rate, as SVG."""
    rates = sorted({rate for _, rate in epochs})
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    FigureCanvasSVG(figure)
    for axes, rate in zip(figure.subplots(1, len(rates), squeeze=False).flat, rates, strict=True):
        for place, name in enumerate(dict.fromkeys(name for name, _ in epochs)):
            for number, found in enumerate(epochs[name, rate]):
                values = [epoch.train["cross_entropy"] for epoch in found]
                axes.plot(range(1, len(values) + 1), values, f"C{place}", label=None if number else name)
        _described(axes, f"training cross-entropy, learning rate {rate:g}", "epoch")
        axes.legend(fontsize=7)
    return svg_text(figure)


def _described(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(below, fontsize=8)
    axes.tick_params(labelsize=7)
