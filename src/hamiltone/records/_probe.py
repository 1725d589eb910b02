"""The probes of a run: what linear classifiers read from each layer of its network."""

from typing import Any, Literal

from pydantic import model_validator

from ._content import Content, File

PROBE = "probe.json"


class ProbeTarget(Content):
    """How well a linear probe reads one thing from a layer's features.

    Attributes:
        chance: the accuracy of always naming the commonest class.
        folds: of the cross-validation within the test clips.
        apart: what never lies on both sides of a fold: word, speaker or recording.
        low: lower end of the accuracy's 95 % interval over speakers.
        high: its upper end.
        note: why there is no interval, and what was left out.
    """

    accuracy: float
    uar: float
    chance: float
    classes: int
    clips: int
    folds: int
    apart: str
    low: float | None = None
    high: float | None = None
    note: str = ""


class ProbeLayer(Content):
    """What can be read from one layer.

    Attributes:
        layer: its number: convolutions are counted from 1, the last hidden layer comes after them.
        name: its dotted name.
        kind: a convolution, or the classifier's last hidden layer.
        size: how many features the probe sees.
        targets: speaker, word and emotion, as far as they could be probed.
        missing: why the others could not.
    """

    layer: int
    name: str
    kind: Literal["convolution", "last hidden"]
    size: int
    targets: dict[str, ProbeTarget]
    missing: dict[str, str]


class ProbeHeading(Content):
    """What tells one probe from another: the run, the clips, and how it was probed."""

    format: Literal[2] = 2
    run: str
    name: str
    part: Literal["test"] = "test"
    corpus: str
    utterances: str | None = None
    split: dict[str, str]
    frames: dict[str, Any]
    method: dict[str, Any]


class Probe(ProbeHeading, File):
    """Table of probes: every layer of one trained network (``probe.json``)."""

    clips: int
    speakers: int
    notes: tuple[str, ...]
    layers: tuple[ProbeLayer, ...]
    versions: dict[str, str]
    command: str

    @model_validator(mode="after")
    def _one_last_hidden(self) -> "Probe":
        if [layer.kind for layer in self.layers].count("last hidden") != 1:
            raise ValueError("layers need one last hidden layer")
        return self

    @property
    def last_hidden(self) -> int:
        """The number of the last hidden layer."""
        return next(layer.layer for layer in self.layers if layer.kind == "last hidden")
