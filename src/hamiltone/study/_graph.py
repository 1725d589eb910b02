"""The graph of a study: every run with its settings, what it rests on, and which cell of the tables it fills.

A run is identified by its settings and by what it rests on, so studies that share an output folder share runs. Paths in
the settings are relative to that folder, which may be moved.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from hamiltone.corpora import Split, Utterances, read_split, split_utterances
from hamiltone.errors import HamiltoneError
from hamiltone.files import content_key
from hamiltone.training import (
    CorpusSettings,
    RunSettings,
    SplitSettings,
    laid_over,
    load_utterances,
    settings_from,
    versions,
)

from ._errors import StudyError
from ._settings import RESEED, Method, NetworkPlan, Partial, SplitPlan, Study

Kind = Literal["rh-emo-1", "rh-emo-2", "word", "speaker", "recogniser"]

_ORTHOGONAL: dict[str, Literal["word", "speaker"]] = {"W": "word", "S": "speaker"}
_NAMES: dict[Method, str] = {"none": "none", "S": "single S", "W": "single W", "SW": "dual SW", "WS": "dual WS"}
_LINEAR_LAYERS = 3  # a VGG is named by its layers with weights
_SPLITS, _RUNS = "splits", "runs"


@dataclass(frozen=True)
class Cell:
    """What a recogniser is, in the words of the tables."""

    corpus: str
    split: str
    folds: int | None
    fold: int
    network: str
    algebra: str
    front: str
    method: str
    layer: int | None
    seed: int
    reseed: int

    def as_json(self) -> dict[str, Any]:
        """As it stands in the study's plan."""
        return asdict(self)


@dataclass(frozen=True)
class Node:
    """A run of the study.

    Attributes:
        key: of its settings and of all that it rests on.
        folder: where it goes, below the study's output folder.
        kind: what it trains.
        settings: with paths relative to the output folder.
        needs: the folders of the runs that it rests on.
        cell: of a recogniser.
    """

    key: str
    folder: str
    kind: Kind
    settings: RunSettings
    needs: tuple[str, ...]
    cell: Cell | None = None


@dataclass(frozen=True)
class Graph:
    """All runs of a study, each after those that it rests on, and the splits that they name, by path."""

    nodes: tuple[Node, ...]
    splits: Mapping[str, Split]


def build_graph(study: Study) -> Graph:
    """Work out all runs of a study; corpora are listed and parted for it, nothing is trained.

    Raises:
        HamiltoneError: a corpus that cannot be read or parted, or settings that do not hold together; the line names
            the study and its file.
    """
    try:
        return _build(study)
    except HamiltoneError as error:
        raise type(error)(f"{study.place}: {error}") from error


def _build(study: Study) -> Graph:
    builder = _Builder(study)
    for corpus in study.corpora:
        known: dict[tuple[str, int | None], SplitPlan] = {}
        for split in study.splits:
            made = _Place(builder, corpus, split, 0).made
            if known.setdefault((made.kind, made.folds), split) is not split:
                folds = f" in {made.folds} folds" if made.folds else ""
                raise StudyError(f"splits: two are {made.kind} splits of {corpus}{folds}: make a study of each")
            for fold in range(made.folds or 1):
                builder.add_place(_Place(builder, corpus, split, fold))
    return Graph(tuple(builder.nodes.values()), builder.splits)


class _Place:
    """A corpus in one split, on which recognisers are trained."""

    def __init__(self, builder: "_Builder", corpus: str, split: SplitPlan, fold: int) -> None:
        self._builder = builder
        self.corpus, self.split, self.fold = corpus, split, fold

    @cached_property
    def settings(self) -> Partial:
        """Corpus and split as settings of a run; the split is a file, the same for all."""
        choice = self.split.model_dump(mode="json") | {"fold": self.fold}
        corpus = self._builder.corpus_settings(self.corpus)
        path = self._builder.split_file(corpus, choice)
        return {"corpus": corpus, "split": choice | {"file": path}}

    @property
    def name(self) -> str | None:
        """What runs call its corpus: of several that are one another name than the study's."""
        return _name(self.settings["corpus"])

    @property
    def file(self) -> str:
        """The path of its split."""
        return self.settings["split"]["file"]

    @property
    def made(self) -> Split:
        """Its split."""
        return self._builder.splits[self.file]


class _Builder:
    def __init__(self, study: Study) -> None:
        self.study = study
        self.nodes: dict[str, Node] = {}
        self.splits: dict[str, Split] = {}
        self._split_files: dict[str, str] = {}
        self._corpus_keys: dict[str, str] = {}
        self._loaded: dict[str, Utterances] = {}
        self._versions = versions()

    def add_place(self, place: _Place) -> None:
        """All recognisers on one corpus in one split, and what they rest on."""
        for name, network in self.study.networks.items():
            if network.init_from == place.corpus:
                continue  # its recognisers of this corpus are those that the others start from
            methods = network.methods or self.study.methods
            layers = network.layers or self.study.layers
            with_layers = any(method != "none" for method in methods)
            baselines = (self.study.baselines or len(layers)) if with_layers else 1
            for seed in network.seeds or self.study.seeds:
                if "none" in methods:
                    for reseed in range(baselines):
                        self._recogniser(place, name, network, "none", None, seed, reseed)
                for layer in layers:
                    for method in methods:
                        if method != "none":
                            self._recogniser(place, name, network, method, layer, seed)

    def corpus_settings(self, name: str) -> Partial:
        """A corpus of emotions as settings of a run."""
        plan = self.study.corpora[name].model_dump(mode="json", exclude={"run"}, exclude_defaults=True)
        if "within" in plan:
            plan["within"] = str(Path(plan["within"]).resolve())
        return _absolute(plan if "parts" in plan else {"name": name, **plan})

    def split_file(self, corpus: Partial, choice: Partial) -> str:
        """The path of a split, which is made if need be."""
        request = content_key([corpus, choice])
        if request not in self._split_files:
            utterances = self._utterances(CorpusSettings(**corpus))
            # Of all clips, also those without emotion, which serve RH-Emo's first stage.
            split = split_utterances(SplitSettings(**choice), utterances)
            path = f"{_SPLITS}/{split.corpus}-{split.scheme or split.kind}-{split.hash[:12]}.json"
            self.splits[path] = split
            self._split_files[request] = path
        return self._split_files[request]

    def _recogniser(
        self,
        place: _Place,
        name: str,
        network: NetworkPlan,
        method: Method,
        layer: int | None,
        seed: int,
        reseed: int = 0,
    ) -> Node:
        content = self._content(place, network.run, self.study.recogniser, network.recogniser)
        content = laid_over(content, place.settings | {"task": "emotion", "seed": seed + reseed * RESEED})
        parents = self._front(place, content)
        if method == "none":
            content.pop("anti_transfer", None)
        else:
            stored = network.layers or self.study.layers
            content = laid_over(content, {"anti_transfer": {"layers": [layer], "stored_layers": list(stored)}})
            orthogonal = _ORTHOGONAL[method[-1]]
            parents["anti_transfer.orthogonal"] = self._orthogonal(place, network, orthogonal)
        if len(method) == 2:
            first: Method = "S" if method == "SW" else "W"
            parents["init_from"] = self._recogniser(place, name, network, first, layer, seed)
        elif network.init_from:
            parents["init_from"] = self._start(place, name, network, seed)
        made = self._settings(content, parents)
        _check_layer(layer, made.network.depth)
        label = [made.network.algebra, made.front.kind, method.lower(), *([] if layer is None else [str(layer)])]
        cell = Cell(
            corpus=place.corpus,
            split=place.made.kind,
            folds=place.made.folds,
            fold=place.fold,
            network=name,
            algebra=made.network.algebra,
            front=made.front.kind,
            method=_NAMES[method],
            layer=layer,
            seed=seed,
            reseed=reseed,
        )
        return self._add("recogniser", made, parents, [*label, f"seed-{made.seed}"], place, cell)

    def _start(self, place: _Place, name: str, network: NetworkPlan, seed: int) -> Node:
        """The recogniser of another corpus, without anti-transfer, that this one starts from."""
        assert network.init_from is not None
        first = _Place(self, network.init_from, place.split, place.fold)
        return self._recogniser(first, name, network.model_copy(update={"init_from": None}), "none", None, seed)

    def _front(self, place: _Place, content: Partial) -> dict[str, Node]:
        kind = content.get("front", {}).get("kind", "rh-emo")
        return {"front.source": self._rh_emo(place)} if kind == "rh-emo" else {}

    def _orthogonal(self, place: _Place, network: NetworkPlan, task: Literal["word", "speaker"]) -> Node:
        content = self._content(None, network.run, getattr(self.study, task), getattr(network, task))
        content.pop("anti_transfer", None)
        if not content.get("corpus"):
            letter = "S" if task == "speaker" else "W"
            raise StudyError(
                f"methods: {letter} rests on {task} recognition: name its corpus in [{task}] corpus = {{...}}"
            )
        content = laid_over(content, {"task": task, "corpus": _absolute(content["corpus"])})
        if _name(content["corpus"]) == place.name:
            # The recordings that recognisers are tested on stay unheard by everything beneath them. RH-Emo was trained
            # on the others, though, so what the orthogonal task itself tests on is not new to it.
            content = laid_over(content, {"leaks": "report", "corpus": {"within": place.file}})
        parents = self._front(place, content)
        if not parents:
            content = laid_over(content, {"front": {"statistics": place.settings}})
        made = self._settings(content, parents)
        return self._add(task, made, parents, [made.network.algebra, made.front.kind], place)

    def _rh_emo(self, place: _Place) -> Node:
        common = self._content(None, self.study.rh_emo)
        named = _absolute(common.get("corpus", {}))
        own = not named or _name(named) == place.name
        common = laid_over(common, place.settings if own else {"corpus": named})
        common = laid_over(common, {"task": "rh-emo", "front": {"kind": "rh-emo"}})
        for foreign in ("network", "anti_transfer"):
            common.pop(foreign, None)
        first = self._settings(laid_over(common, self.study.rh_emo_1), {})
        start = self._add("rh-emo-1", first, {}, [], place)
        parents = {"init_from": start}
        return self._add(
            "rh-emo-2", self._settings(laid_over(common, self.study.rh_emo_2), parents), parents, [], place
        )

    def _content(self, place: _Place | None, *partials: Partial) -> Partial:
        content = dict(self.study.run)
        for partial in (self.study.corpora[place.corpus].run if place else {}, *partials):
            content = laid_over(content, partial)
        return content

    def _settings(self, content: Partial, parents: Mapping[str, Node]) -> RunSettings:
        for setting, node in parents.items():
            value: Any = node.folder
            for part in reversed(setting.split(".")):
                value = {part: value}
            content = laid_over(content, value)
        where = f"the settings that its {content['task']} runs are given"
        return settings_from({"name": "run", "out": "run", **content}, where)

    def _add(
        self,
        kind: Kind,
        settings: RunSettings,
        parents: Mapping[str, Node],
        label: list[str],
        place: _Place,
        cell: Cell | None = None,
    ) -> Node:
        key = content_key(
            {
                "versions": self._versions,
                "settings": settings.key(),
                "recordings": self._recordings(settings.corpus),
                "split": self._split_hash(settings.split.file),
                "within": self._split_hash(settings.corpus.within),
                "statistics": self._split_hash(settings.front.statistics and settings.front.statistics.split.file),
                "parents": {setting: node.key for setting, node in parents.items()},
            }
        )
        split = [place.made.kind] if kind == "recogniser" or settings.corpus.name == place.name else []
        stage = [] if kind == "recogniser" else [kind]
        name = "-".join([settings.corpus.name, *split, *stage, *label])
        folder = f"{_RUNS}/{name}-{key[:12]}"
        needs = tuple(dict.fromkeys(node.folder for node in parents.values()))
        node = Node(key, folder, kind, settings.model_copy(update={"name": name, "out": folder}), needs, cell)
        known = self.nodes.get(key)
        if known is None or (known.cell is None and cell is not None):
            self.nodes[key] = node if known is None else replace(known, cell=cell)
        return self.nodes[key]

    def _recordings(self, corpus: CorpusSettings) -> str:
        request = content_key(corpus.model_dump(mode="json", exclude={"within"}))
        if request not in self._corpus_keys:
            whole = self._utterances(corpus.model_copy(update={"within": None}))
            self._corpus_keys[request] = content_key(sorted(whole.table["utterance"]))
        return self._corpus_keys[request]

    def _utterances(self, corpus: CorpusSettings) -> Utterances:
        request = content_key(corpus.model_dump(mode="json"))
        if request not in self._loaded:
            self._loaded[request] = load_utterances(corpus)
        return self._loaded[request]

    def _split_hash(self, path: str | None) -> str | None:
        if path is None:
            return None
        return self.splits[path].hash if path in self.splits else read_split(path).hash


def _check_layer(layer: int | None, depth: int) -> None:
    convolutions = depth - _LINEAR_LAYERS
    if layer is not None and layer > convolutions:
        raise StudyError(f"layers: {layer} is none of the {convolutions} convolutions of VGG{depth}, counted from 1")


def _absolute(corpus: Partial) -> Partial:
    """Runs work from the output folder, so a folder relative to the user's is told in full; $NAMES stay."""
    parts = corpus.get("parts")
    if isinstance(parts, list) and all(isinstance(part, dict) for part in parts):
        corpus = corpus | {"parts": [_absolute(part) for part in parts]}
    root = corpus.get("root")
    if not isinstance(root, str) or root.startswith(("$", "~")):
        return {key: value for key, value in corpus.items() if value is not None}
    return corpus | {"root": str(Path(root).resolve())}


def _name(corpus: Partial) -> str | None:
    """The name of a corpus in settings that are not checked yet."""
    parts = corpus.get("parts")
    if isinstance(parts, list) and all(isinstance(part, dict) for part in parts):
        return "+".join(str(part.get("name")) for part in parts)
    return corpus.get("name")
