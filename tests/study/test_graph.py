"""The graph of a study: which runs there are, what rests on what, and when two are the same."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from pydantic import ValidationError

from hamiltone.corpora import CorpusError, Utterances
from hamiltone.report._study_results import read_study as read_results
from hamiltone.study import Study, StudyError, plan_study, read_study
from hamiltone.study._graph import Graph, Node, build_graph
from hamiltone.study._recordings import absolute, same_recordings
from hamiltone.study._status import write_plan
from hamiltone.training import SettingsError, load_dataset

from .conftest import Make

CONFIGS = Path(__file__).parents[2] / "configs" / "study"
STAGES = ("rh-emo-1", "rh-emo-2")


def cells(graph: Graph, **wanted: object) -> list[Node]:
    return [
        node
        for node in graph.nodes
        if node.cell and all(getattr(node.cell, name) == value for name, value in wanted.items())
    ]


@pytest.fixture(scope="module")
def quickstart() -> Graph:
    return build_graph(read_study(CONFIGS / "quickstart.toml"))


def test_the_quickstart_has_every_type_at_each_layer_and_its_controls(quickstart: Graph) -> None:
    assert len(quickstart.nodes) == 23
    for method in ("single S", "single W", "dual SW", "dual WS"):
        found = cells(quickstart, network="quaternion", method=method)
        assert [node.cell and node.cell.layer for node in found] == [2, 5, 9]
    baselines = cells(quickstart, network="quaternion", method="none")
    assert [node.cell and node.cell.reseed for node in baselines] == [0, 1, 2]  # as many as layers
    assert [node.settings.seed for node in baselines] == [0, 1000, 2000]
    assert len(cells(quickstart, network="real-on-embedding")) == 1
    assert {node.kind for node in quickstart.nodes} == {"rh-emo-1", "rh-emo-2", "word", "speaker", "recogniser"}


def test_every_run_comes_after_those_that_it_rests_on(quickstart: Graph) -> None:
    seen: set[str] = set()
    for node in quickstart.nodes:
        assert seen.issuperset(node.needs)
        seen.add(node.folder)


def test_dual_starts_from_the_single_run_of_its_first_task_at_its_layer(quickstart: Graph) -> None:
    by_folder = {node.folder: node for node in quickstart.nodes}
    for node in cells(quickstart, network="quaternion"):
        assert node.cell is not None
        choice = node.settings.anti_transfer
        if node.cell.method.startswith("dual"):
            start = by_folder[node.settings.init_from or ""].cell
            assert start is not None
            assert (start.method, start.layer) == (f"single {node.cell.method[-2]}", node.cell.layer)
        if choice is not None:
            letter = node.cell.method[-1]
            assert by_folder[choice.orthogonal].kind == {"S": "speaker", "W": "word"}[letter]
            assert choice.stored_layers == (2, 5, 9)
            assert choice.layers == (node.cell.layer,)


def test_all_on_one_corpus_share_its_split_and_orthogonal_tasks_get_its_training_part(quickstart: Graph) -> None:
    (path,) = quickstart.splits
    for node in quickstart.nodes:
        if node.kind in ("word", "speaker"):
            assert node.settings.corpus.within == path
            assert node.settings.split.file is None
        else:
            assert node.settings.split.file == path
    (speaker,) = [node for node in quickstart.nodes if node.kind == "speaker" and not node.needs]
    assert speaker.settings.front.statistics is not None
    assert speaker.settings.front.statistics.split.file == path


def test_studies_share_what_is_the_same(study_of: Make) -> None:
    small, larger = build_graph(study_of()), build_graph(study_of(name="other", seeds=[0, 1], layers=[2, 3]))
    folders = {node.folder for node in larger.nodes}
    assert {node.folder for node in small.nodes} <= folders
    changed = build_graph(study_of(recogniser={"training": {"epochs": 3}}))
    kinds = {node.kind for node in changed.nodes if node.folder in folders}
    assert kinds == {"speaker", "word"}  # the orthogonal networks stay, every recogniser is another
    other = build_graph(study_of(speaker={"corpus": {"name": "synthetic"}, "training": {"epochs": 3}}))
    before = {node.folder for node in small.nodes}
    same = {node.cell.method if node.cell else node.kind for node in other.nodes if node.folder in before}
    assert same == {"none", "word"}  # what rests on the other speaker network is another run


def test_networks_that_share_a_run_have_a_cell_each(study_of: Make, tmp_path: Path) -> None:
    """Here they differ in the frozen network alone, so they have one baseline."""
    lazy = {"speaker": {"training": {"epochs": 1}}}
    study = study_of(networks={"usual": {}, "lazy": lazy}, methods=["none", "S"])
    plan = plan_study(study, tmp_path)
    (baseline,) = cells(plan.graph, method="none")
    assert [cell.network for cell in (baseline.cell, *baseline.also) if cell] == ["usual", "lazy"]
    assert [node.cell and node.cell.network for node in cells(plan.graph, method="single S")] == ["usual", "lazy"]
    write_plan(plan, "a test")
    results = read_results(tmp_path, tmp_path / "studies" / "tiny.json")
    assert [(run.condition.network, run.condition.method) for run in results.of(method="none")] == [
        ("usual", "none"),
        ("lazy", "none"),
    ]
    assert results.counts["planned"] == len(plan.graph.nodes) == 5
    assert len({run.label for run in results.runs}) == 6


def test_labels_of_recordings_are_part_of_a_run(study_of: Make, tmp_path: Path) -> None:
    table = table_of_clips(tmp_path)
    study = Study.model_validate(STUDY_OF_A_TABLE | {"corpora": {"table": {"root": str(table)}}})
    before = {node.key for node in build_graph(study).nodes}
    assert {node.key for node in build_graph(study).nodes} == before
    table.write_text(table.read_text().replace("01.wav,s1,", "01.wav,s1,glad", 1))
    assert not {node.key for node in build_graph(study).nodes} & before


def test_places_of_the_users_folder_are_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = {"root": "a", "within": "b.json", "words": {"alignments": "c", "most": 9}, "parts": [{"root": "$D/e"}]}
    assert absolute(told) == {
        "root": str(tmp_path / "a"),
        "within": str(tmp_path / "b.json"),
        "words": {"alignments": str(tmp_path / "c"), "most": 9},
        "parts": [{"root": "$D/e"}],
    }


def test_a_split_of_an_orthogonal_task_may_be_a_file_of_the_user(
    study_of: Make, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(few.parent)
    speaker = {"corpus": {"name": "table", "root": str(table_of_clips(tmp_path))}, "split": {"file": few.name}}
    graph = build_graph(study_of(methods=["S"], speaker=speaker))
    (node,) = [node for node in graph.nodes if node.kind == "speaker"]
    assert node.settings.split.file == str(few)
    gone = study_of(methods=["S"], speaker=speaker | {"split": {"file": "gone.json"}})
    with pytest.raises(CorpusError, match=r"cannot read the split .*gone\.json: No such file"):
        build_graph(gone)


def test_folds_are_runs_of_their_own_that_together_test_everything(study_of: Make) -> None:
    graph = build_graph(study_of(splits=[{"kind": "actor", "folds": 4}], methods=["none"]))
    assert [(node.cell and node.cell.fold) for node in graph.nodes] == [0, 1, 2, 3]
    tests = [set(split.parts["test"]) for split in graph.splits.values()]
    assert sum(map(len, tests)) == len(set.union(*tests)) == 64


def test_what_is_chosen_on_the_part_that_validates_is_not_trained_on(study_of: Make) -> None:
    training = {"keep": "last", "with_validation": True}
    run = study_of().run | {"training": training}
    assert build_graph(study_of(run=run)).nodes  # of one layer nothing is chosen
    assert build_graph(study_of(run=run, methods=["none"], layers=[2, 3])).nodes  # nor of none
    for choice in ({"layers": [2, 3]}, {"baselines": 2}, {"search": {"space": {"training.batch": [8, 16]}}}):
        with pytest.raises(StudyError, match=r"networks\.real: training\.with_validation learns from"):
            build_graph(study_of(run=run, **choice))


def test_words_cut_from_the_recordings_get_their_training_part_and_a_part_of_several_corpora_is_refused(
    study_of: Make,
) -> None:
    assert same_recordings("word", "tess-words", "tess")
    assert same_recordings("speaker", "tess+emodb", "tess+emodb")
    assert not same_recordings("speaker", "librispeech", "tess")
    with pytest.raises(StudyError, match=r"word: tess-words is a part of tess\+emodb, whose test part it would hear"):
        same_recordings("word", "tess-words", "tess+emodb")


def test_some_of_the_folds_are_carried_out_alone(study_of: Make) -> None:
    """They are the runs that they are among all folds."""
    whole, some = (
        build_graph(study_of(methods=["none"], splits=[{"kind": "random", "folds": 4, **only}]))
        for only in ({}, {"only": [2, 0]})
    )
    assert [node.cell.fold for node in some.nodes if node.cell] == [0, 2]
    assert {node.key for node in some.nodes} < {node.key for node in whole.nodes}
    for split, there in (({"folds": 4}, "the folds 0 to 3"), ({}, "no folds")):
        with pytest.raises(StudyError, match=there):
            build_graph(study_of(splits=[{"kind": "random", **split, "only": [4]}]))


def test_several_corpora_as_one_and_a_label_map(study_of: Make, few: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, (12, 800), dtype=np.int16)
    for number, samples in enumerate(noise):
        path = tmp_path / "mine" / ("glad", "tired")[number % 2] / f"s{number // 4}" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, 16000)
    mine = {"name": "folder", "root": str(tmp_path / "mine"), "labels": {"glad": "happy", "tired": ""}}
    corpora = {
        "both": {"parts": [{"name": "synthetic"}, mine]},
        "synthetic": {"within": str(few), "labels": {"sad": ""}},
    }
    graph = build_graph(
        study_of(corpora=corpora, methods=["none", "S"], speaker={"corpus": {"parts": [{"name": "synthetic"}, mine]}})
    )
    both, alone = cells(graph, corpus="both", method="single S"), cells(graph, corpus="synthetic", method="single S")
    assert len(both) == len(alone) == 1
    assert both[0].settings.corpus.name == "synthetic+folder"
    assert dict(alone[0].settings.corpus.labels) == {"sad": ""}
    (split,) = [split for split in graph.splits.values() if split.corpus == "synthetic+folder"]
    assert {corpus: len(names) for corpus, names in split.by_corpus("train", "validation", "test").items()} == {
        "synthetic": 512,
        "folder": 12,
    }
    # The speaker network on the corpora that are recognised gets their training part alone.
    (speaker,) = [node for node in graph.nodes if node.folder in both[0].needs]
    assert speaker.settings.corpus.within == both[0].settings.split.file


def test_kinds_of_splits_that_have_folds_of_themselves(study_of: Make) -> None:
    graph = build_graph(study_of(splits=[{"kind": "leave-one-out"}], methods=["none"]))
    found = [(node.cell.split, node.cell.folds, node.cell.fold) for node in graph.nodes if node.cell]
    assert found == [("leave-one-out", 8, fold) for fold in range(8)]
    assert len(graph.splits) == 8
    with pytest.raises(StudyError, match="splits: two are actor splits of synthetic: make a study of each"):
        build_graph(study_of(splits=[{"kind": "actor", "folds": 4}, {"kind": "actor", "folds": 8}], methods=["none"]))


def test_a_network_that_starts_from_another_corpus(study_of: Make, few: Path) -> None:
    corpora = {"synthetic": {"within": str(few)}, "ravdess": {}}
    networks = {"real": {}, "started": {"methods": ["none"], "init_from": "synthetic"}}
    with pytest.raises(CorpusError, match="ravdess: give the folder"):
        build_graph(study_of(corpora=corpora, networks=networks))
    graph = build_graph(study_of(methods=["none"], networks={**networks}))
    assert len(graph.nodes) == 1  # on the corpus itself there is nothing to start from


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run": {"out": "there"}}, "run.out is set by the study"),
        ({"word": {"front": {"source": "x"}}}, "word.front.source is set by the study"),
        ({"recogniser": {"seed": 3}}, "told by corpora, splits and seeds"),
        ({"recogniser": {"anti_transfer": {"layers": [1]}}}, "orthogonal and layers are set"),
        ({"seeds": [1000]}, "seeds lie from 0 to 999"),
        ({"networks": {"a": {"init_from": "tess"}}}, "tess is none of the study's corpora"),
        ({"methods": ["Z"]}, "Input should be 'none'"),
        ({"name": "a/b"}, "String should match"),
        ({"run": {"front": "spectrogram"}}, "run.front is 'spectrogram'; it must be a table"),
        ({"word": {"corpus": "synthetic"}}, "word.corpus is 'synthetic'; it must be a table"),
        ({"rh-emo": {"corpus": 3}}, "rh-emo.corpus is 3; it must be a table"),
        ({"recogniser": {"anti_transfer": 1}}, "recogniser.anti_transfer is 1; it must be a table"),
    ],
)
def test_what_a_study_may_not_say(study_of: Make, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        study_of(**changes)


def test_settings_that_do_not_hold_together_are_one_line_that_names_the_run(study_of: Make) -> None:
    with pytest.raises(
        SettingsError, match=r"study tiny: .* speaker runs are given: unknown key training\.epoch; did you"
    ):
        build_graph(study_of(speaker={"corpus": {"name": "synthetic"}, "training": {"epoch": 3}}))
    with pytest.raises(StudyError, match="W rests on word recognition: name its corpus"):
        build_graph(study_of(word={}))
    with pytest.raises(StudyError, match=r"^study tiny: layers: 9 is none of the 8 convolutions of VGG11"):
        build_graph(study_of(layers=[2, 9]))


@pytest.mark.parametrize(
    ("override", "kind", "message"),
    [
        ("layers=[14]", StudyError, "layers: 14 is none of the 13 convolutions of VGG16"),
        ("corpora={emodb={}}", CorpusError, "emodb: give the folder"),
        ("word.training.epoch=3", SettingsError, "the settings that its word runs are given: unknown key"),
    ],
)
def test_mistakes_in_a_study_name_its_file(override: str, kind: type[Exception], message: str) -> None:
    path = CONFIGS / "quickstart.toml"
    with pytest.raises(kind) as caught:
        build_graph(read_study(path, [override]))
    assert str(caught.value).startswith(f"{path}: study quickstart-study: {message}")


@pytest.mark.parametrize("key", ["layer", "networks.real.method", "splits.0.kinds"])
def test_unknown_keys_of_a_study_are_named_with_the_nearest(tmp_path: Path, key: str) -> None:
    text = 'name = "x"\nlayers = [2]\n[corpora.synthetic]\n'
    text += {
        "layer": 'layer = [2]\nsplits = [{ kind = "actor" }]\n[networks.real]\n',
        "networks.real.method": 'splits = [{ kind = "actor" }]\n[networks.real]\nmethod = ["none"]\n',
        "splits.0.kinds": 'splits = [{ kind = "actor", kinds = 1 }]\n[networks.real]\n',
    }[key].replace("splits", "SPLITS")
    head, _, tail = text.partition("SPLITS")
    path = tmp_path / "study.toml"
    path.write_text(head.replace("[corpora.synthetic]\n", "") + "splits" + tail + "[corpora.synthetic]\n")
    with pytest.raises(SettingsError, match=rf"unknown key {key}; did you mean"):
        read_study(path)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_ready_studies_are_studies(path: Path) -> None:
    assert isinstance(read_study(path), Study)


def test_a_plan_of_nothing_done(study_of: Make, tmp_path: Path) -> None:
    plan = plan_study(study_of(), tmp_path)
    assert set(plan.states.values()) == {"open"}
    assert plan.seconds_left() is None
    assert not list(tmp_path.iterdir())
    names = [group.name for group in plan.groups()]
    assert names == [
        "recogniser real, none",
        "speaker real",
        "recogniser real, single S",
        "word real",
        "recogniser real, dual SW",
    ]


def table_of_clips(folder: Path) -> Path:
    """A corpus of its own: 48 clips of six speakers, a quarter of them without an emotion."""
    generator = np.random.default_rng(0)
    lines = ["path,speaker,emotion"]
    for number in range(48):
        name = f"{number:02}.wav"
        soundfile.write(folder / name, generator.integers(-9000, 9000, 800, dtype=np.int16), 16000)
        lines.append(f"{name},s{number % 6},{('', 'sad', 'glad', 'glad')[number // 6 % 4]}")
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def parts_of_runs(graph: Graph, folder: Path) -> dict[str, dict[str, Utterances]]:
    """The recordings of each kind of run, part by part, as its training takes them."""
    for path, split in graph.splits.items():
        split.write(folder / path)
    parts = {}
    for node in graph.nodes:
        split = node.settings.split.model_copy(update={"file": str(folder / (node.settings.split.file or ""))})
        material = load_dataset(node.settings.model_copy(update={"split": split}))
        parts[node.kind] = material.split.apply(material.utterances)
    return parts


STUDY_OF_A_TABLE = {
    "name": "table",
    "splits": [{"kind": "random", "fractions": [0.5, 0.25, 0.25]}],
    "methods": ["none"],
    "run": {"front": {"scale": "decibel"}},
    "networks": {"quaternion": {}},
}


def test_clips_without_emotion_serve_rh_emo_alone(tmp_path: Path) -> None:
    corpora = {"table": {"root": str(table_of_clips(tmp_path))}}
    graph = build_graph(Study.model_validate(STUDY_OF_A_TABLE | {"corpora": corpora}))
    sizes = {kind: sum(map(len, parts.values())) for kind, parts in parts_of_runs(graph, tmp_path).items()}
    assert sizes == {"rh-emo-1": 48, "rh-emo-2": 48, "recogniser": 36}


def test_both_stages_of_an_rh_emo_of_another_corpus_have_its_parts(tmp_path: Path) -> None:
    study = STUDY_OF_A_TABLE | {
        "corpora": {"synthetic": {}},
        "rh-emo": {
            "corpus": {"name": "table", "root": str(table_of_clips(tmp_path))},
            "split": {"kind": "random", "fractions": [0.5, 0.25, 0.25]},
        },
        "rh-emo-2": {"rh_emo": {"beta": 0.01, "hidden": 16, "affect_table": "russell-mehrabian-1977"}},
    }
    parts = parts_of_runs(build_graph(Study.model_validate(study)), tmp_path)
    heard, second = ({name: set(part.table["utterance"]) for name, part in parts[kind].items()} for kind in STAGES)
    assert sum(map(len, second.values())) == 36  # emotions are what the second stage learns from
    assert all(second[name] <= heard[name] for name in second)


def test_the_quickstart_is_read_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_study("quickstart").name == "quickstart"
    (tmp_path / "quickstart").write_text("nonsense", encoding="utf-8")
    with pytest.raises(SettingsError, match="quickstart"):
        read_study("quickstart")
