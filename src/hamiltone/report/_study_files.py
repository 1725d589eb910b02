"""The files that a study leaves beside the records: its plan, the reason of a failure, the probes of a network."""

from typing import Any, Literal

from pydantic import Field, field_validator

from ._records import Part


class Condition(Part):
    """What a recogniser of a study was trained under.

    Attributes:
        folds: how many folds cover the corpus, or None for one split by fractions.
        layer: the convolution whose feature map anti-transfer compares, or None without anti-transfer.
        reseed: above 0 for the further baselines among which the selection control chooses.
    """

    corpus: str
    split: Literal["random", "actor"]
    folds: int | None = None
    fold: int = 0
    network: str
    algebra: Literal["real", "quaternion"]
    front: Literal["rh-emo", "spectrogram"]
    method: Literal["none", "single S", "single W", "dual SW", "dual WS"]
    layer: int | None = None
    seed: int = 0
    reseed: int = 0


class PlannedRun(Part):
    """One run of the plan; ``needs`` are the folders of the runs that it rests on."""

    folder: str
    key: str
    kind: str
    needs: list[str] = Field(default_factory=list)
    cell: Condition | None = None

    @field_validator("folder")
    @classmethod
    def _below(cls, folder: str) -> str:
        if folder.startswith("/") or ".." in folder.split("/"):
            raise ValueError("a run's folder lies below the study's")
        return folder


class Plan(Part):
    """``studies/NAME.json``: every run of a study, written before the first one."""

    format: Literal[1]
    study: str
    command: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    runs: list[PlannedRun]


class Failure(Part):
    """``failure.json``: why a run failed, in one line."""

    reason: str = "no reason given"


class ProbeTarget(Part):
    """How well a linear probe reads one thing from a layer's features."""

    accuracy: float
    uar: float | None = None
    chance: float | None = None
    classes: int | None = None
    clips: int | None = None
    folds: int | None = None
    apart: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""


class ProbeLayer(Part):
    """What can be read from one layer; a target that could not be probed is not among them."""

    layer: int
    name: str = ""
    targets: dict[str, ProbeTarget] = Field(default_factory=dict)
    missing: dict[str, str] = Field(default_factory=dict)


class Probe(Part):
    """``probe.json``: linear probes on every layer of one trained network."""

    format: Literal[1]
    run: str = ""
    part: str = ""
    clips: int | None = None
    speakers: int | None = None
    layers: list[ProbeLayer] = Field(default_factory=list)
    missing: dict[str, str] = Field(default_factory=dict)
