"""Pictures of the method in docs/pictures/, drawn by what they show: python -m tools.pictures [QUICKSTART]."""

import io
import sys
from pathlib import Path

import matplotlib as mpl
import torch
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor, nn

from hamiltone.antitransfer import AntiTransferLoss, squared_gram_cosine
from hamiltone.audio import FRAME_SAMPLES, SAMPLE_RATE, load_audio
from hamiltone.files import atomic_write
from hamiltone.networks import TrainedRHEmo, load_bundle
from hamiltone.quaternion import QuaternionLinear

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
EXAMPLE = PICTURES.parents[1] / "src/hamiltone/service/page/example.mp3"
_COMPONENTS = ("r", "i", "j", "k")
_COLOURS = ("#0072b2", "#c04f00", "#00795a", "#a8407e")
_CHANNELS, _STEPS, _BETA = 8, 600, 1.0
_WINDOW = 512 * 128 / SAMPLE_RATE  # seconds of a spectrogram's columns


def hamilton_product() -> str:
    """The real matrix of a quaternion layer from 8 to 8 channels: which weight stands where, and with which sign."""
    layer = QuaternionLinear(8, 8, bias=False)
    with torch.no_grad():  # each weight becomes its component's number, so the layer tells by itself where it stands
        layer.components.copy_(torch.arange(1.0, 5.0)[:, None, None].expand_as(layer.components))
        matrix = layer(torch.eye(8)).T
    with mpl.rc_context({"svg.hashsalt": "hamiltone", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(4.2, 3.6), layout="constrained")
        axes = figure.add_subplot()
        axes.imshow(matrix.abs(), cmap=ListedColormap(_COLOURS), vmin=0.5, vmax=4.5)
        for row in range(8):
            for column in range(8):
                value = int(matrix[row, column])
                sign = "\N{MINUS SIGN}" if value < 0 else ""
                name = _COMPONENTS[abs(value) - 1]
                axes.text(column, row, sign + name, ha="center", va="center", color="white", fontsize=11)
        axes.set_xticks([0.5, 2.5, 4.5, 6.5], [f"input {name}" for name in _COMPONENTS])
        axes.set_yticks([0.5, 2.5, 4.5, 6.5], [f"output {name}" for name in _COMPONENTS])
        for edge in (1.5, 3.5, 5.5):
            axes.axhline(edge, color="white", linewidth=3)
            axes.axvline(edge, color="white", linewidth=3)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        return _svg(figure)


def gram_matrices() -> str:
    """Gram matrices of three networks on one input: frozen, trained without the term, trained with it."""
    torch.manual_seed(0)
    x, told = torch.randn(64, 1, 16, 16), torch.randn(64, 4)
    frozen = _network()
    _fit(frozen, x, torch.randn(64, 4))
    networks = {"frozen": frozen}
    start = {name: value.clone() for name, value in frozen.state_dict().items()}
    for title, beta in (("trained without the term", 0.0), ("trained with it", _BETA)):
        networks[title] = _network()
        networks[title].load_state_dict(start)
        _fit(networks[title], x, told, frozen, beta)
    with torch.no_grad():
        maps = {title: network[:4](x) for title, network in networks.items()}
    with mpl.rc_context({"svg.hashsalt": "hamiltone", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(7.2, 2.9), layout="constrained")
        for axes, (title, map_) in zip(figure.subplots(1, 3), maps.items(), strict=True):
            flat = map_.flatten(2)
            gram = (flat @ flat.transpose(1, 2)).mean(0)
            axes.imshow(gram / gram.max(), cmap="Blues", vmin=0, vmax=1)
            alike = squared_gram_cosine(maps["frozen"], map_).mean()
            axes.set_title(title, fontsize=9)
            axes.set_xlabel("" if title == "frozen" else f"equation 1 to the frozen one: {alike:.2f}")
            axes.set_xticks([])
            axes.set_yticks([])
        return _svg(figure)


def rh_emo_axes(quickstart: Path) -> str:
    """What the RH-Emo of a finished quickstart makes of the page's example, a synthetic sentence."""
    (model,) = quickstart.glob("runs/*-rh-emo-2-*/model")
    trained = load_bundle(model)
    assert isinstance(trained, TrainedRHEmo)
    frame = torch.from_numpy(load_audio(EXAMPLE)[:FRAME_SAMPLES])[None]
    front = trained.front()
    with torch.no_grad():
        pictures = {"spectrogram": front.spectrogram(frame)[0, 0]}
        axes_of = zip(_COMPONENTS, front.config.channels, front(frame)[0], strict=True)
        pictures |= {f"{component}: {name}": axis for component, name, axis in axes_of}
    with mpl.rc_context({"svg.hashsalt": "hamiltone", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(5.6, 6), layout="constrained")
        for axes, (title, picture) in zip(figure.subplots(5, 1, sharex=True), pictures.items(), strict=True):
            level = (picture.flip(0) if front.time_reversed else picture).T.numpy()
            axes.imshow(
                level, origin="lower", aspect="auto", cmap="Blues", extent=(0, _WINDOW, 0, 8), interpolation="none"
            )
            axes.set_title(title, fontsize=9, loc="left")
            axes.set_yticks([0, 8], ["0", "8 kHz"])
        figure.supxlabel("seconds", fontsize=9)
        return _svg(figure)


def _network() -> nn.Sequential:
    convolutions = (nn.Conv2d(1, _CHANNELS, 3, padding=1), nn.ReLU(), nn.Conv2d(_CHANNELS, _CHANNELS, 3), nn.ReLU())
    return nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * _CHANNELS, 4))


def _fit(network: nn.Module, x: Tensor, told: Tensor, frozen: nn.Module | None = None, beta: float = 0.0) -> None:
    term = AntiTransferLoss(frozen, layers=[2], weight=beta).attach(network) if frozen is not None else None
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(_STEPS):
        loss = (network(x) - told).square().mean()
        if term is not None:
            loss = loss + term()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if term is not None:
        term.detach()


def _svg(figure: Figure) -> str:
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


if __name__ == "__main__":
    torch.set_num_threads(1)
    for made in (hamilton_product, gram_matrices):
        atomic_write(PICTURES / f"{made.__name__.replace('_', '-')}.svg", made())
    for folder in sys.argv[1:]:
        atomic_write(PICTURES / "rh-emo-axes.svg", rh_emo_axes(Path(folder)))
