"""The graph of a study: every run with its settings, what it rests on, and which cell of the tables it fills.

A run is identified by its settings and by what it rests on, so studies that share an output folder share runs. Paths in
the settings are relative to that folder, which may be moved.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from hamiltone.corpora import Split
from hamiltone.errors import HamiltoneError
from hamiltone.files import content_key
from hamiltone.records import (
    METHODS,
    ORTHOGONAL_TASKS,
    Condition,
    Letters,
    OrthogonalTask,
    RunKind,
    task_letter,
    versions,
)
from hamiltone.settings import FRONTS, NetworkSettings, RunSettings, laid_over, settings_from

from ._errors import StudyError
from ._recordings import Place, Recordings, absolute, corpus_name, same_recordings
from ._search import Trial, laid_out
from ._settings import RESEED, ComparedNetwork, Partial, Study, StudySplit


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
        also: the other cells that it fills.
    """

    key: str
    folder: str
    kind: RunKind
    settings: RunSettings
    needs: tuple[str, ...]
    cell: Condition | None = None
    also: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Graph:
    """All runs of a study, each after those that it rests on, the splits that they name, and their training clips."""

    nodes: tuple[Node, ...]
    splits: Mapping[str, Split]
    clips: Mapping[str, int]


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
        known: dict[str, StudySplit] = {}
        for split in study.splits:
            made = Place(builder.recordings, corpus, split, 0).made
            name = _split_name(made)
            if known.setdefault(name, split) is not split:
                raise StudyError(f"splits: two are {name} splits of {corpus}: make a study of each")
            for fold in _carried_out(split, made):
                builder.add_place(Place(builder.recordings, corpus, split, fold))
    nodes, recordings = tuple(builder.nodes.values()), builder.recordings
    return Graph(nodes, recordings.splits, {node.folder: recordings.training_clips(node.settings) for node in nodes})


class _Builder:
    def __init__(self, study: Study) -> None:
        self.study = study
        self.nodes: dict[str, Node] = {}
        self.recordings = Recordings(study)
        self._versions = versions()

    def add_place(self, place: Place) -> None:
        """All recognisers on one corpus in one split, and what they rest on."""
        for name, network in self.study.networks.items():
            if network.init_from == place.corpus:
                continue  # its recognisers of this corpus are those that the others start from
            methods = network.methods or self.study.methods
            layers = network.layers or self.study.layers
            with_layers = any(method != "none" for method in methods)
            baselines = (self.study.baselines or len(layers)) if with_layers else 1
            trials = self.study.search.all_trials() if self.study.search else ((),)
            for seed, trial in product(network.seeds or self.study.seeds, trials):
                if "none" in methods:
                    for reseed in range(baselines):
                        self._recogniser(place, name, network, "none", None, seed, reseed, trial)
                for layer in layers:
                    for method in methods:
                        if method != "none":
                            self._recogniser(place, name, network, method, layer, seed, trial=trial)

    def _recogniser(
        self,
        place: Place,
        name: str,
        network: ComparedNetwork,
        method: Letters,
        layer: int | None,
        seed: int,
        reseed: int = 0,
        trial: Trial = (),
    ) -> Node:
        content = self._content(place, network.run, self.study.recogniser, network.recogniser)
        if method == "none":  # trials that differ in anti-transfer alone are one
            trial = tuple((key, value) for key, value in trial if not key.startswith("anti_transfer."))
        content = laid_over(content, laid_out(trial))
        content = laid_over(content, place.settings | {"task": "emotion", "seed": seed + reseed * RESEED})
        parents = self._front(place, content)
        if method == "none":
            content.pop("anti_transfer", None)
        else:
            stored = network.layers or self.study.layers
            content = laid_over(content, {"anti_transfer": {"layers": [layer], "stored_layers": list(stored)}})
            orthogonal = ORTHOGONAL_TASKS[method[-1]]
            parents["anti_transfer.orthogonal"] = self._orthogonal(place, network, orthogonal)
        if len(method) == 2:
            first: Letters = "S" if method == "SW" else "W"
            parents["init_from"] = self._recogniser(place, name, network, first, layer, seed, trial=trial)
        elif network.init_from:
            parents["init_from"] = self._start(place, name, network, seed)
        made = self._settings(content, parents)
        _check_layer(layer, made.network)
        if made.training.with_validation and self.study.chooses(network):
            raise StudyError(
                f"networks.{name}: training.with_validation learns from the clips by which layers, baselines and "
                "searched settings are chosen: leave it out, or have one layer, baselines = 1 and no search"
            )
        label = [made.network.number_system, made.front.kind, method.lower(), *([] if layer is None else [str(layer)])]
        cell = Condition(
            corpus=place.corpus,
            split=_split_name(place.made),
            folds=place.made.folds,
            fold=place.fold,
            network=name,
            algebra=made.network.number_system,
            front=made.front.kind,
            method=METHODS[method],
            layer=layer,
            seed=seed,
            reseed=reseed,
            trial=tuple((key, json.dumps(value)) for key, value in trial),
        )
        return self._add("recogniser", made, parents, [*label, f"seed-{made.seed}"], place, cell)

    def _start(self, place: Place, name: str, network: ComparedNetwork, seed: int) -> Node:
        """The recogniser of another corpus, without anti-transfer, that this one starts from."""
        assert network.init_from is not None
        first = Place(self.recordings, network.init_from, place.split, place.fold)
        return self._recogniser(first, name, network.model_copy(update={"init_from": None}), "none", None, seed)

    def _front(self, place: Place, content: Partial) -> dict[str, Node]:
        kind = content.get("front", {}).get("kind", RunSettings.model_fields["front"].default.kind)
        learned = kind in FRONTS and FRONTS.model(kind).learned  # of no such kind: the run's settings are refused
        return {"front.source": self._rh_emo(place)} if learned else {}

    def _orthogonal(self, place: Place, network: ComparedNetwork, task: OrthogonalTask) -> Node:
        content = self._content(None, network.run, getattr(self.study, task), getattr(network, task))
        content.pop("anti_transfer", None)
        if not content.get("corpus"):
            raise StudyError(
                f"methods: {task_letter(task)} rests on {task} recognition: name its corpus in "
                f"[{task}] corpus = {{...}}"
            )
        places = {key: absolute(content[key]) for key in ("corpus", "split") if key in content}
        content = laid_over(content, {"task": task, **places})
        if same_recordings(task, corpus_name(content["corpus"]) or "", place.name or ""):
            # The recordings that recognisers are tested on stay unheard by everything beneath them. RH-Emo was trained
            # on the others, though, so what the orthogonal task itself tests on is not new to it.
            content = laid_over(content, {"leaks": "report", "corpus": {"within": place.file}})
        parents = self._front(place, content)
        if not parents:
            content = laid_over(content, {"front": {"statistics": place.settings}})
        made = self._settings(content, parents)
        return self._add(task, made, parents, [made.network.number_system, made.front.kind], place)

    def _rh_emo(self, place: Place) -> Node:
        common = self._content(None, self.study.rh_emo)
        named = absolute(common.get("corpus", {}))
        own = not named or corpus_name(named) == place.name
        common = laid_over(common, place.settings if own else self._parted(named, common.get("split", {})))
        common = laid_over(common, {"task": "rh-emo", "front": {"kind": "rh-emo"}})
        for foreign in ("network", "anti_transfer"):
            common.pop(foreign, None)
        first = self._settings(laid_over(common, self.study.rh_emo_1), {})
        start = self._add("rh-emo-1", first, {}, [], place)
        parents = {"init_from": start}
        return self._add(
            "rh-emo-2", self._settings(laid_over(common, self.study.rh_emo_2), parents), parents, [], place
        )

    def _parted(self, corpus: Partial, split: Partial) -> Partial:
        """RH-Emo's own corpus, parted once: its stages differ in the clips that they use, but not in their parts."""
        if not split.get("kind") or split.get("file"):
            return {"corpus": corpus, "split": absolute(split)}
        return {"corpus": corpus, "split": split | {"file": self.recordings.split_file(corpus, split)}}

    def _content(self, place: Place | None, *partials: Partial) -> Partial:
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
        kind: RunKind,
        settings: RunSettings,
        parents: Mapping[str, Node],
        label: list[str],
        place: Place,
        cell: Condition | None = None,
    ) -> Node:
        key = content_key(
            {
                "versions": self._versions,
                "settings": settings.key(),
                "recordings": self.recordings.key(settings.corpus),
                "split": self.recordings.split_hash(settings.split.file),
                "within": self.recordings.split_hash(settings.corpus.within),
                "statistics": self.recordings.split_hash(
                    settings.front.statistics and settings.front.statistics.split.file
                ),
                "parents": {setting: node.key for setting, node in parents.items()},
            }
        )
        split = [place.made.kind] if kind == "recogniser" or settings.corpus.name == place.name else []
        stage = [] if kind == "recogniser" else [kind]
        name = "-".join([settings.corpus.name, *split, *stage, *label])
        folder = f"runs/{name}-{key[:12]}"
        needs = tuple(dict.fromkeys(node.folder for node in parents.values()))
        node = Node(key, folder, kind, settings.model_copy(update={"name": name, "out": folder}), needs, cell)
        known = self.nodes.setdefault(key, node)
        if cell not in (None, known.cell, *known.also):
            more = {"cell": cell} if known.cell is None else {"also": (*known.also, cell)}
            self.nodes[key] = replace(known, **more)
        return self.nodes[key]


def _carried_out(split: StudySplit, made: Split) -> Sequence[int]:
    folds = range(made.folds or 1)
    if split.only is not None and (made.folds is None or not {*split.only} <= {*folds}):
        there = "no folds" if made.folds is None else f"the folds 0 to {made.folds - 1}"
        raise StudyError(f"splits: only = {list(split.only)}: this split of {made.corpus} has {there}")
    return sorted({*split.only}) if split.only is not None else folds


def _split_name(split: Split) -> str:
    """What tables call a split: how it was made, where that is neither by speaker nor by recording alone."""
    return split.scheme or split.kind


def _check_layer(layer: int | None, network: NetworkSettings) -> None:
    convolutions = len(network.layer_names())
    if layer is not None and layer > convolutions:
        raise StudyError(
            f"layers: {layer} is none of the {convolutions} convolutions of {network.title}, counted from 1"
        )
