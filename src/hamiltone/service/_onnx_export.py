"""Export of a recogniser as one ONNX graph: waveform in, probabilities out (extra ``onnx``)."""

import copy
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone import __version__
from hamiltone.audio import FRAME_SAMPLES, LEAST_SAMPLES, SAMPLE_RATE, SILENT_PEAK
from hamiltone.files import atomic_path
from hamiltone.networks import Front, Recognizer

from ._errors import ServiceError

ONNX_FILE = "model.onnx"
_TOLERANCE = 1e-4
_MOST_BYTES = 2_000_000_000  # a file of protocol buffers, weights and all, ends at 2 GiB


def export_onnx(recognizer: Recognizer, path: Path | str, *, card: str = "", features: bool = False) -> Path:
    """Write a recogniser as one ONNX file with everything in it: front and network.

    The graph takes ``waveform`` (batch, 64000), float32, frames of 4 s at 16 kHz, and gives ``scores``
    (batch, label), probabilities that sum to 1, temperature included. The batch may have any size. Quaternion weights
    lie in the file as they are trained, a quarter of the real ones; a runtime assembles them once when it loads the
    file. ``metadata_props`` hold ``labels`` (a JSON list), ``sample_rate`` (Hz), ``frame_samples``,
    ``least_samples`` (a last frame of a longer recording that has fewer is dropped), ``silent_peak``, ``temperature``,
    ``unsure_below`` (where the highest score is less, the label is "unsure"), ``hamiltone`` (the version) and ``card``.

    Args:
        recognizer: left as it is.
        path: a file that ends in ``.onnx``, or a folder, which then gets ``model.onnx``.
        card: the model card's text.
        features: give a second output, too: ``features`` (batch, channel, time, frequency), what the network sees
            at its place in time, which is RH-Emo's embedding where the recogniser has one.

    Returns:
        The file.

    Raises:
        ServiceError: the extra is not installed, the weights are too large for one file, or the graph does not give
            what the recogniser gives.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        path /= ONNX_FILE
    check_onnx_extra()
    size = sum(tensor.nbytes for tensor in recognizer.state_dict().values())
    if size > _MOST_BYTES:
        raise ServiceError(
            f"{path}: the weights are {size / 1e9:.1f} GB, and an ONNX file holds 2; take a smaller model"
        )
    graph = _Graph(recognizer, features=features).eval()
    program = _onnx_program(graph, ["scores", "features"] if features else ["scores"])
    for node in program.model.graph:
        node.metadata_props.clear()  # where in whose source each operation was called
    about = {
        "labels": json.dumps(recognizer.labels),
        "sample_rate": str(SAMPLE_RATE),
        "frame_samples": str(FRAME_SAMPLES),
        "least_samples": str(LEAST_SAMPLES[recognizer.frame_rule]),
        "silent_peak": str(SILENT_PEAK),
        "temperature": str(recognizer.temperature),
        "unsure_below": str(recognizer.unsure_below),
        "hamiltone": __version__,
        "card": card,
    }
    program.model.metadata_props.clear()
    program.model.metadata_props.update(about)
    with atomic_path(path) as draft:
        program.save(draft, external_data=False)
        _check_outputs(draft, path, graph)
    return path


class _Graph(nn.Module):
    """What is exported: a copy of the recogniser whose front needs no operation that exported programs lack."""

    def __init__(self, recognizer: Recognizer, *, features: bool) -> None:
        super().__init__()
        self.recognizer = copy.deepcopy(recognizer).cpu()
        self.recognizer.front = self.recognizer.front.for_export()
        self.features = features

    def forward(self, waveform: Float[Tensor, "batch sample"]) -> tuple[Tensor, ...]:
        front = self.recognizer.front
        features = front(waveform)
        scores = self.recognizer.probabilities(self.recognizer(features, "features"))
        if not self.features:
            return (scores,)
        moved = type(front).in_place is not Front.in_place  # otherwise nothing is computed twice
        return scores, front.in_place(waveform) if moved else features


def _onnx_program(graph: _Graph, outputs: list[str]) -> "torch.onnx.ONNXProgram":
    # Two frames: with one, the exporter would take the batch for a constant.
    frames = torch.rand(2, FRAME_SAMPLES) - 0.5
    with _exporter_remarks_hidden():
        program = torch.onnx.export(
            graph,
            (frames,),
            dynamo=True,
            input_names=["waveform"],
            output_names=outputs,
            dynamic_shapes={"waveform": {0: torch.export.Dim("batch", min=1)}},
            verbose=False,
        )
    assert program is not None
    return program


@contextmanager
def _exporter_remarks_hidden() -> Iterator[None]:
    """Without the exporter's remarks on itself: torchvision, which it can do without, and a name of torch's own."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _check_outputs(file: Path, path: Path, graph: _Graph) -> None:
    """Run the file in onnxruntime, with another batch than the exported one."""
    import onnxruntime  # noqa: PLC0415 - an extra

    frames = torch.rand(3, FRAME_SAMPLES, generator=torch.Generator().manual_seed(0)) - 0.5
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = graph(frames)
    for got, wanted in zip(session.run(None, {"waveform": frames.numpy()}), expected, strict=True):
        difference = (torch.from_numpy(got) - wanted).abs().max().item()
        if not difference <= _TOLERANCE * max(1.0, wanted.abs().max().item()):
            raise ServiceError(
                f"{path}: not written, because its results differ from the recogniser's by {difference:.2g}"
            )


def check_onnx_extra() -> None:
    """See that the extra ``onnx`` is installed.

    Raises:
        ServiceError: it is not.
    """
    try:
        import onnxruntime  # noqa: F401, PLC0415
        import onnxscript  # noqa: F401, PLC0415
    except ImportError as error:
        raise ServiceError(f"{error.name} is missing, which ONNX needs: pip install 'hamiltone[onnx]'") from None
