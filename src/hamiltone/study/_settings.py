"""A study as a small file: what is compared, on what, and the settings that its runs share."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt, PrivateAttr, model_validator

from hamiltone.corpora import CorpusSettings, SplitSettings
from hamiltone.records import Letters
from hamiltone.settings import RunSettings, read_toml, validated
from hamiltone.settings_model import Settings

from ._search import Search

Partial = dict[str, Any]
"""Some settings of a run, as in a run's own file."""

RESEED = 1000
"""A re-seeded baseline's seed is the study's seed plus a multiple of this."""

_SET_BY_THE_STUDY = ("name", "task", "out", "init_from")
_TABLES = ("corpus", "split", "front", "network", "anti_transfer")
"""What the graph lays its own settings over before a run's settings are checked."""


class StudyCorpus(CorpusSettings):
    """A corpus of emotions, or several that are one; its name is the study's for it, unless it has another."""

    run: Partial = Field(default={}, description="settings of all runs on it")


class StudySplit(SplitSettings):
    """How each corpus is parted; with ``folds``, or a kind that has folds of itself, every fold is tested once."""

    only: tuple[NonNegativeInt, ...] | None = Field(
        default=None,
        min_length=1,
        description="the folds that are carried out, where layers are screened on some; None: all",
    )

    @model_validator(mode="after")
    def _of_a_study(self) -> "StudySplit":
        if self.kind is None:
            raise ValueError("kind is missing; it must be given, as actor or random")
        if self.fold or self.file is not None:
            raise ValueError("fold and file are set by the study itself: leave them out")
        if self.training_speakers is not None:
            raise ValueError("training_speakers is of single runs: leave it out")
        return self


class ComparedNetwork(Settings):
    """A network that is compared: the settings that make it, and what differs from the study's own."""

    methods: tuple[Letters, ...] | None = None
    layers: tuple[PositiveInt, ...] | None = None
    seeds: tuple[int, ...] | None = None
    init_from: str | None = Field(
        default=None, description="a corpus: recognisers of the others start from its recognisers without anti-transfer"
    )
    run: Partial = Field(default={}, description="settings of all its runs, such as network.algebra and front.kind")
    word: Partial = Field(default={}, description="settings of such runs")
    speaker: Partial = Field(default={}, description="settings of such runs")
    recogniser: Partial = Field(default={}, description="settings of such runs")


class Study(Settings):
    """A study in one file.

    Runs get their settings from ``run``, laid over by those of the corpus, of the network, and of the kind of run
    (``rh-emo``, ``rh-emo-1``, ``rh-emo-2``, ``word``, ``speaker``, ``recogniser``), in this order. RH-Emo is trained on
    each corpus's own training part, unless ``rh-emo`` names a corpus. An orthogonal task on the very corpus that is
    recognised gets its training part alone.
    """

    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    about: str = ""
    corpora: dict[str, StudyCorpus] = Field(min_length=1)
    splits: Annotated[tuple[StudySplit, ...], Field(min_length=1)]
    methods: Annotated[tuple[Letters, ...], Field(min_length=1)] = ("none", "S", "W", "SW", "WS")
    layers: tuple[PositiveInt, ...] = tuple(range(1, 14))
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    baselines: PositiveInt | None = Field(
        default=None, description="baselines for each seed, among which one is chosen as AT layers are; one per layer"
    )
    probes: bool = Field(default=True, description="read speaker, word and emotion from each recogniser's layers")
    networks: dict[str, ComparedNetwork] = Field(min_length=1)
    run: Partial = Field(default={}, description="settings of such runs")
    rh_emo: Partial = Field(default={}, alias="rh-emo")
    rh_emo_1: Partial = Field(default={}, alias="rh-emo-1")
    rh_emo_2: Partial = Field(default={}, alias="rh-emo-2")
    word: Partial = Field(default={}, description="settings of such runs")
    speaker: Partial = Field(default={}, description="settings of such runs")
    recogniser: Partial = Field(default={}, description="settings of such runs")
    search: Search | None = Field(default=None, description="settings that are tried, and chosen by validation alone")
    _file: str = PrivateAttr("")

    @property
    def place(self) -> str:
        """The study as errors name it: by its file, where it was read from one, and its name."""
        return f"{self._file}: study {self.name}" if self._file else f"study {self.name}"

    @property
    def cores_of_a_run(self) -> int:
        """The most that a run keeps busy: its threads times its processes."""
        cores = 1
        for name in ("threads", "processes"):
            usual = self.run.get(name, RunSettings.model_fields[name].default)
            told = [usual, *(partial.get(name) for partial in self._partials().values())]
            numbers = [value for value in told if isinstance(value, int)]  # others are refused later
            cores *= max(numbers, default=1)
        return max(1, cores)

    def chooses(self, network: ComparedNetwork) -> bool:
        """Whether layers, baselines or searched settings of a network are chosen on the part that validates."""
        layers = network.layers or self.layers
        if all(method == "none" for method in network.methods or self.methods):
            return self.search is not None
        return len(layers) > 1 or (self.baselines or len(layers)) > 1 or self.search is not None

    @model_validator(mode="before")
    @classmethod
    def _name_corpora(cls, content: Any) -> Any:
        corpora = content.get("corpora") if isinstance(content, dict) else None
        if not isinstance(corpora, dict):
            return content
        named = {
            name: {"name": name, **corpus} if isinstance(corpus, dict) and not corpus.get("parts") else corpus
            for name, corpus in corpora.items()
        }
        return {**content, "corpora": named}

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
            for key in _TABLES:
                if not isinstance(partial.get(key, {}), dict):
                    raise ValueError(f"{place}.{key} is {partial[key]!r}; it must be a table of settings")  # noqa: TRY004
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


QUICKSTART = Path(__file__).with_name("quickstart.toml")


def read_study(path: Path | str, overrides: list[str] | None = None) -> Study:
    """Read a study; ``extends`` and ``key.path=value`` work as for a run.

    Args:
        path: its file, or ``quickstart``, the one that comes with the package.
        overrides: laid over it.

    Raises:
        SettingsError: unreadable, unknown keys, values out of range, or settings that the study itself decides.
    """
    if str(path) == "quickstart" and not Path(path).exists():
        path = QUICKSTART
    study = validated(Study, read_toml(path, overrides or ()), str(path), overrides or ())
    study._file = str(path)
    return study
