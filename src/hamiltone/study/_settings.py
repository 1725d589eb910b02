"""A study as a small file: what is compared, on what, and the settings that its runs share."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, PrivateAttr, model_validator

from hamiltone.corpora import CorpusPartSettings, SplitKind
from hamiltone.training import read_toml, validated

Method = Literal["none", "S", "W", "SW", "WS"]
"""Anti-transfer in the paper's letters: single S (speaker) or W (word), dual SW or WS."""

Partial = dict[str, Any]
"""Some settings of a run, as in a run's own file."""

RESEED = 1000
"""A re-seeded baseline's seed is the study's seed plus a multiple of this."""

_SET_BY_THE_STUDY = ("name", "task", "out", "init_from")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class CorpusPlan(_Model):
    """A corpus of emotions, or several that are one."""

    root: str | None = Field(default=None, description="its folder; $NAMES of the environment are replaced")
    options: dict[str, str] = Field(default={}, description="of folder: speaker; of audformat: table, emotion, ...")
    labels: dict[str, str] = Field(default={}, description="emotion -> the class that it counts as; empty: left out")
    only: bool = Field(default=False, description="leave out the emotions that labels does not name, too")
    parts: tuple[CorpusPartSettings, ...] = Field(default=(), description="several corpora, instead of the one named")
    within: str | None = Field(default=None, description="a split file: only the recordings that it trains on are used")
    partial: bool = Field(default=False, description="use what there is of it, even if its folder lacks some")
    run: Partial = Field(default={}, description="settings of all runs on it")


class SplitPlan(_Model):
    """How each corpus is parted; with ``folds``, or a kind that has folds of itself, every fold is tested once."""

    kind: SplitKind
    fractions: tuple[float, float, float] = Field(default=(0.7, 0.2, 0.1), description="train, validation, test")
    folds: int | None = Field(default=None, ge=2)
    seed: int = Field(default=0, ge=0)


class NetworkPlan(_Model):
    """A network that is compared: the settings that make it, and what differs from the study's plan."""

    methods: tuple[Method, ...] | None = None
    layers: tuple[PositiveInt, ...] | None = None
    seeds: tuple[int, ...] | None = None
    init_from: str | None = Field(
        default=None, description="a corpus: recognisers of the others start from its recognisers without anti-transfer"
    )
    run: Partial = Field(default={}, description="settings of all its runs, such as network.algebra and front.kind")
    word: Partial = {}
    speaker: Partial = {}
    recogniser: Partial = {}


class Study(_Model):
    """A study in one file.

    Runs get their settings from ``run``, laid over by those of the corpus, of the network, and of the kind of run
    (``rh-emo``, ``rh-emo-1``, ``rh-emo-2``, ``word``, ``speaker``, ``recogniser``), in this order. RH-Emo is trained on
    each corpus's own training part, unless ``rh-emo`` names a corpus. An orthogonal task on the very corpus that is
    recognised gets its training part alone.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    about: str = ""
    corpora: dict[str, CorpusPlan] = Field(min_length=1)
    splits: Annotated[tuple[SplitPlan, ...], Field(min_length=1)]
    methods: Annotated[tuple[Method, ...], Field(min_length=1)] = ("none", "S", "W", "SW", "WS")
    layers: tuple[PositiveInt, ...] = tuple(range(1, 14))
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    baselines: PositiveInt | None = Field(
        default=None, description="baselines for each seed, among which one is chosen as AT layers are; one per layer"
    )
    probes: bool = Field(default=True, description="read speaker, word and emotion from each recogniser's layers")
    networks: dict[str, NetworkPlan] = Field(min_length=1)
    run: Partial = {}
    rh_emo: Partial = Field(default={}, alias="rh-emo")
    rh_emo_1: Partial = Field(default={}, alias="rh-emo-1")
    rh_emo_2: Partial = Field(default={}, alias="rh-emo-2")
    word: Partial = {}
    speaker: Partial = {}
    recogniser: Partial = {}
    _file: str = PrivateAttr("")

    @property
    def place(self) -> str:
        """The study as errors name it: by its file, where it was read from one, and its name."""
        return f"{self._file}: study {self.name}" if self._file else f"study {self.name}"

    @model_validator(mode="after")
    def _agree(self) -> "Study":
        for seed in (*self.seeds, *(seed for network in self.networks.values() for seed in network.seeds or ())):
            if not 0 <= seed < RESEED:
                raise ValueError(
                    f"seeds lie from 0 to {RESEED - 1}, since re-seeded baselines take those above: {seed}"
                )
        for place, partial in self._partials().items():
            for key in _SET_BY_THE_STUDY:
                if key in partial:
                    raise ValueError(f"{place}.{key} is set by the study itself: leave it out")
            if "source" in partial.get("front", {}):
                raise ValueError(f"{place}.front.source is set by the study itself: leave it out")
            if {"orthogonal", "layers"} & partial.get("anti_transfer", {}).keys():
                raise ValueError(f"{place}.anti_transfer: orthogonal and layers are set by the study itself")
            if place.endswith(("run", "recogniser")) and {"corpus", "split", "seed"} & partial.keys():
                raise ValueError(f"{place}: corpus, split and seed are told by corpora, splits and seeds")
        for name, network in self.networks.items():
            if network.init_from and network.init_from not in self.corpora:
                raise ValueError(f"networks.{name}.init_from: {network.init_from} is none of the study's corpora")
        return self

    def _partials(self) -> dict[str, Partial]:
        names = ("run", "rh_emo", "rh_emo_1", "rh_emo_2", "word", "speaker", "recogniser")
        partials: dict[str, Partial] = {name.replace("_", "-"): getattr(self, name) for name in names}
        partials |= {f"corpora.{name}.run": corpus.run for name, corpus in self.corpora.items()}
        for name, network in self.networks.items():
            kinds = ("run", "word", "speaker", "recogniser")
            partials |= {f"networks.{name}.{kind}": getattr(network, kind) for kind in kinds}
        return partials


def read_study(path: Path | str, overrides: list[str] | None = None) -> Study:
    """Read a study; ``extends`` and ``key.path=value`` work as for a run.

    Raises:
        SettingsError: unreadable, unknown keys, values out of range, or settings that the study itself decides.
    """
    study = validated(Study, read_toml(path, overrides or ()), where=str(path))
    study._file = str(path)
    return study
