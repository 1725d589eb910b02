"""RH-Emo: a real encoder and a quaternion decoder; its embedding has the axes discrete, valence, arousal, dominance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hamiltone.quaternion import QuaternionBatchNorm2d, QuaternionConvTranspose2d

AXES = ("discrete", "valence", "arousal", "dominance")
EMBEDDING_SHAPE = (4, 64, 64)
_AXIS_SIZE = 64 * 64
_Value = TypeVar("_Value", float, Tensor)


class RHEmoEncoder(nn.Module):
    """Spectrogram (batch, 1, 512, 128) -> embedding (batch, 4, 64, 64). docs/method.md."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(2)
        self.conv2 = nn.Conv2d(2, 4, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(4)
        self.conv3 = nn.Conv2d(4, 4, 3, padding=1)
        self.apply(_start)

    def forward(self, spectrogram: Float[Tensor, "batch 1 512 128"]) -> Float[Tensor, "batch 4 64 64"]:
        """The four quaternion axes of each spectrogram; never negative (they leave a ReLU)."""
        x = self.norm1(functional.max_pool2d(functional.relu(self.conv1(spectrogram)), (2, 2)))
        x = self.norm2(functional.max_pool2d(functional.relu(self.conv2(x)), (2, 1)))
        return functional.max_pool2d(functional.relu(self.conv3(x)), (2, 1))


class RHEmoDecoder(nn.Module):
    """Embedding (batch, 4, 64, 64) -> reconstructed spectrogram (batch, 1, 512, 128) in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.transposed1 = QuaternionConvTranspose2d(4, 4, 3, stride=(2, 1), padding=1, output_padding=(1, 0))
        self.norm1 = QuaternionBatchNorm2d(4)
        self.transposed2 = QuaternionConvTranspose2d(4, 4, 3, stride=(2, 1), padding=1, output_padding=(1, 0))
        self.norm2 = QuaternionBatchNorm2d(4)
        self.transposed3 = QuaternionConvTranspose2d(4, 4, 3, stride=(2, 2), padding=1, output_padding=1)

    def forward(self, embedding: Float[Tensor, "batch 4 64 64"]) -> Float[Tensor, "batch 1 512 128"]:
        """The mean of the four output components."""
        x = self.norm1(functional.relu(self.transposed1(embedding)))
        x = self.norm2(functional.relu(self.transposed2(x)))
        return torch.sigmoid(self.transposed3(x)).mean(dim=1, keepdim=True)


@dataclass
class RHEmoOutput:
    """What RH-Emo gives: everything but the embedding and the reconstruction is absent without heads."""

    embedding: Float[Tensor, "batch 4 64 64"]
    reconstruction: Float[Tensor, "batch 1 512 128"]
    discrete: Float[Tensor, "batch label"] | None
    affect: Float[Tensor, "batch 3"] | None  # logits of high valence, arousal, dominance


class RHEmo(nn.Module):
    """The whole RH-Emo network: encoder, quaternion decoder and, where ``classes`` are given, four heads.

    Args:
        classes: number of discrete emotions; None leaves the heads out (reconstruction only, beta = 0).
        hidden: size of the heads' hidden layers (4096 as published: 134,283,272 parameters with 5 classes).
        dropout: probability in the heads.

    Source: docs/method.md, "From sound to four axes".
    """

    def __init__(self, classes: int | None = None, *, hidden: int = 4096, dropout: float = 0.5) -> None:
        super().__init__()
        self._settings = {"classes": classes, "hidden": hidden, "dropout": dropout}
        self.encoder = RHEmoEncoder()
        self.decoder = RHEmoDecoder()
        self.heads: nn.ModuleDict | None = None
        if classes is not None:
            outputs = {"discrete": classes, "valence": 1, "arousal": 1, "dominance": 1}
            self.heads = nn.ModuleDict({axis: _head(hidden, dropout, outputs[axis]) for axis in AXES})

    def forward(self, spectrogram: Float[Tensor, "batch 1 512 128"]) -> RHEmoOutput:
        """Embed, reconstruct and, with heads, classify each axis of the embedding on its own."""
        embedding = self.encoder(spectrogram)
        reconstruction = self.decoder(embedding)
        if self.heads is None:
            return RHEmoOutput(embedding, reconstruction, None, None)
        scores = [self.heads[axis](embedding[:, index].flatten(1)) for index, axis in enumerate(AXES)]
        return RHEmoOutput(embedding, reconstruction, scores[0], torch.cat(scores[1:], dim=1))

    def settings(self) -> dict[str, Any]:
        """The arguments that make a network of this shape again (JSON-able)."""
        return dict(self._settings)


def rh_emo_losses(
    output: RHEmoOutput,
    spectrogram: Float[Tensor, "batch 1 512 128"],
    classes: Int[Tensor, " batch"] | None = None,
    affect: Float[Tensor, "batch 3"] | None = None,
    *,
    beta: float = 0.0,
    beta_vad: float = 100.0,
) -> Mapping[str, Float[Tensor, ""]]:
    """BCE(reconstruction, input) + beta * (CE(discrete) + beta_vad * (BCE(v) + BCE(a) + BCE(d))).

    Args:
        output: what the network gave.
        spectrogram: its input; values above 1 (unseen clips under ``unit`` normalisation) are clamped, as a BCE target.
        classes: the discrete emotion of each example; needed with beta > 0.
        affect: 1 for high, 0 for low valence, arousal, dominance; NaN masks the entry out.
        beta: weight of the heads' terms; with 0 they are not computed.
        beta_vad: weight of the affect terms among them.

    Returns:
        The terms ``reconstruction`` and, with beta > 0, ``discrete``, ``valence``, ``arousal``, ``dominance``
        (unweighted, 0 where every entry is masked), and their weighted sum ``loss``.

    Raises:
        ValueError: beta > 0 for a network without heads, or without classes.
    """
    # Binary cross-entropy of probabilities must be computed in float32, so autocast is shut out.
    with torch.autocast(device_type=spectrogram.device.type, enabled=False):
        target = spectrogram.float().clamp(0, 1)
        guess = output.reconstruction.float()
        if not guess.isfinite().all():  # torch's BCE raises on NaN; a diverged training is the caller's to report
            return {"loss": guess.sum(), "reconstruction": guess.sum()}
        terms = {"reconstruction": functional.binary_cross_entropy(guess, target)}
        if beta > 0:
            if output.discrete is None or output.affect is None:
                raise ValueError("beta > 0 needs an RH-Emo with heads: give it its number of classes")
            if classes is None:
                raise ValueError("beta > 0 needs the class of every example")
            terms["discrete"] = functional.cross_entropy(output.discrete.float(), classes)
            if affect is not None:
                for index, axis in enumerate(AXES[1:]):
                    terms[axis] = _masked_bce(output.affect[:, index].float(), affect[:, index])
    return {"loss": rh_emo_loss(terms, beta=beta, beta_vad=beta_vad), **terms}


def rh_emo_loss(terms: Mapping[str, _Value], *, beta: float, beta_vad: float) -> _Value:
    """The weighted sum of the terms that :func:`rh_emo_losses` gives, whether of a batch or means over many."""
    total = terms["reconstruction"]
    if "discrete" in terms:
        heads = terms["discrete"]
        for axis in AXES[1:]:
            if axis in terms:
                heads = heads + beta_vad * terms[axis]
        total = total + beta * heads
    return total


def _head(hidden: int, dropout: float, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(_AXIS_SIZE, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(hidden, outputs),
    ).apply(_start)


def _start(module: nn.Module) -> None:
    """First weights of a real layer as the released code has them; from torch's own, axes vary less."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _masked_bce(logits: Float[Tensor, " batch"], target: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
    known: Bool[Tensor, " batch"] = ~target.isnan()
    terms = functional.binary_cross_entropy_with_logits(logits, target.nan_to_num(), reduction="none")
    return (terms * known).sum() / known.sum().clamp(min=1)
