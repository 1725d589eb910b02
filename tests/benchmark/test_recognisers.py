"""The comparison of recognisers: the same parts for all, machines as scikit-learn has them, results, looks, page."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from benchmarks.pages import PageError
from benchmarks.recognisers import (
    ComparisonError,
    NetworkSystem,
    Places,
    __main__,
    _folds,
    _functionals,
    _pace,
    fold_dataset,
    number_of_folds,
    read_protocols,
    read_systems,
    run_fold,
    trained_folds,
)
from benchmarks.recognisers._curve import curve_picture, curve_section, learning_curves
from benchmarks.recognisers._derived import derive
from benchmarks.recognisers._pace import measure_pace
from benchmarks.recognisers._page import corpora_of, write_page
from benchmarks.recognisers._protocols import PROTOCOLS, Protocol
from benchmarks.recognisers._results import (
    LOOKS,
    RESULTS,
    FoldFacts,
    SystemResults,
    add_fold,
    read_answers,
    read_log,
    read_results,
)
from benchmarks.recognisers._scores import NOTHING, protocol_scores
from benchmarks.recognisers._speakers import sex_of, write_lists
from benchmarks.recognisers._svm import decisions, fit_svm, normalised_per_speaker
from benchmarks.recognisers._systems import run_settings
from hamiltone.audio import FRAME_SAMPLES
from hamiltone.corpora import CORPORA, CorpusSettings, Split, SplitSettings, load_corpus
from hamiltone.measures import holm, paired_permutation_test, unweighted_average_recall
from hamiltone.measures import unweighted_average_recall_from_confusion as uar_from_confusion
from hamiltone.networks import Ensemble, load_recognizer

LABELS = ("neutral", "happy", "sad", "angry")
SYSTEMS = """
[systems.egemaps-svm]
kind = "svm"
title = "eGeMAPS + SVM"
features = "eGeMAPSv02"
grid = [1e-3, 1e-1]

[systems.egemaps-svm-speaker]
kind = "svm"
title = "per speaker"
features = "eGeMAPSv02"
per_speaker = true
grid = [1e-2]

[systems.tiny]
kind = "network"
title = "tiny"
settings = "tiny.toml"
overrides = ["network.hidden=16"]
"""
TINY = """
name = "replaced"
out = "replaced"
device = "cpu"
threads = 1
corpus = { name = "ravdess", labels = { calm = "neutral" } }
split = { kind = "balanced", folds = 6 }
front = { kind = "spectrogram", scale = "decibel" }
frames = { random_offset = true }
network = { depth = 11, algebra = "real", width = 0.03125 }
training = { learning_rate = 1e-3, epochs = 1, batch = 32 }
"""
PROTOCOL = """
title = "Synthetic voices"
about = "Voices that machines have."

[corpus]
name = "synthetic"
within = "FEW"

[split]
kind = "actor"
folds = 4
"""


def quiet(what, done, total):
    assert what and done >= 0 and total >= 0


def few_clips():
    return tuple(load_corpus("synthetic").table["utterance"][::5])


@pytest.fixture
def places(tmp_path):
    (tmp_path / "systems.toml").write_text(SYSTEMS)
    (tmp_path / "tiny.toml").write_text(TINY)
    (tmp_path / "protocols").mkdir()
    few = few_clips()
    Split("synthetic", "random", 0, {"train": few, "validation": (), "test": ()}).write(tmp_path / "few.json")
    (tmp_path / "protocols" / "voices.toml").write_text(PROTOCOL.replace("FEW", str(tmp_path / "few.json")))
    page = "# Page\n<!-- tables of the recognisers -->\nold\n<!-- end of the tables -->\nAfter\n"
    (tmp_path / "page.md").write_text(page)
    return Places(tmp_path / "systems.toml", tmp_path / "protocols", tmp_path / "results", tmp_path / "runs")


@pytest.fixture
def known_features(monkeypatch):
    """In place of openSMILE's: of each clip the class, badly heard and with the voice in it."""

    def features(utterances, _, report):
        report("features", 1, 1)
        rng = np.random.default_rng(0)
        classes = np.array([LABELS.index(label) for label in utterances.table["emotion"]])
        voices = np.array([hash_of(name) for name in utterances.table["speaker"]])
        return np.eye(4)[classes] + rng.normal(0, 0.6, (len(classes), 4)) + 0.5 * voices[:, None]

    monkeypatch.setattr(_folds, "functionals", features)
    monkeypatch.setattr(_folds, "metadata", SimpleNamespace(version=lambda name: f"{name} that is not needed here"))


def hash_of(name):
    return sum(name.encode()) % 7


# The parts


@pytest.mark.parametrize(("name", "folds"), [("ravdess8", 6), ("emodb7", 8), ("four", 6), ("loco", 4)])
def test_protocols_part_speakers_and_test_each_once(name, folds, speech_data, monkeypatch):
    monkeypatch.setenv("HAMILTONE_DATA", str(speech_data))
    protocol = read_protocols()[name]
    if not set(corpora_of(protocol)) <= set(CORPORA):
        pytest.skip("a corpus of this protocol is not known here")
    assert number_of_folds(name, PROTOCOLS) == folds
    tested, everything = [], []
    for fold in range(folds):
        dataset = fold_dataset(protocol, PROTOCOLS, fold)
        parts = dataset.split.apply(dataset.utterances)
        speakers = [set(part.labels("speaker")) for part in parts.values()]
        assert not (speakers[0] & speakers[1] or speakers[0] & speakers[2] or speakers[1] & speakers[2])
        if name == "ravdess8":
            assert sorted(int(speaker) % 2 for speaker in speakers[2]) in ([0, 0, 1], [0, 1, 1])
        assert dataset.labels[:1] == (("anger",) if name == "emodb7" else ("neutral",))
        tested += dataset.split.parts["test"]
        everything = dataset.utterances.table["utterance"]
    assert sorted(tested) == sorted(everything)


def test_settings_of_a_run_are_its_own_but_for_what_the_protocol_decides(places):
    orthogonal = 'overrides = ["anti_transfer.orthogonal=runs/{protocol}/{fold}/{seed}", "anti_transfer.layers=[1]"]'
    places.systems.write_text(SYSTEMS.replace('overrides = ["network.hidden=16"]', orthogonal))
    system = read_systems(places.systems)["tiny"]
    protocol = ("voices", read_protocols(places.protocols)["voices"], places.protocols)
    assert isinstance(system, NetworkSystem)
    settings = run_settings(system, places.systems, protocol, 2, 7, Path("runs/x"))
    assert settings.corpus.identity() == {"name": "synthetic"}
    assert (settings.split.kind, settings.split.folds, settings.split.fold, settings.seed) == ("actor", 4, 2, 7)
    assert settings.out == "runs/x" and settings.training.batch == 32
    assert settings.anti_transfer is not None and settings.anti_transfer.orthogonal == "runs/voices/2/7"


def test_lists_of_speakers_are_those_that_their_rules_make(tmp_path):
    write_lists(tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (PROTOCOLS / path.name).read_bytes()
    folds = json.loads((PROTOCOLS / "four.json").read_text())["folds"]
    speakers = [name for fold in folds for name in fold]
    assert len(speakers) == len(set(speakers)) == 24 + 10 + 2 + 9
    for fold, listed in enumerate(folds):  # one of TESS always trains: the fold behind the one that tests validates
        beside = {*listed, *folds[(fold + 1) % 6]}
        assert not {"tess/OAF", "tess/YAF"} <= beside
    for corpus in ("ravdess", "emodb", "tess", "nemo"):
        parts = json.loads((PROTOCOLS / f"loco-{corpus}.json").read_text())["parts"]
        assert {name.split("/")[0] for name in parts["test"]} == {corpus}
        assert not any(name.startswith(f"{corpus}/") for name in parts["train"] + parts["validation"])
        assert sorted(parts["train"] + parts["validation"] + parts["test"]) == sorted(speakers)


def test_sexes():
    assert [sex_of("ravdess", "01"), sex_of("ravdess", "24"), sex_of("tess", "OAF")] == ["men", "women", "women"]
    assert [sex_of("emodb", "16"), sex_of("nemo", "TP0"), sex_of("synthetic", "f1")] == ["women", "men", None]


# Support vector machines


@pytest.fixture
def clouds():
    """Clips of 12 speakers, three classes, more features than clips."""
    rng = np.random.default_rng(1)
    classes = np.tile(np.arange(3), 40)
    speakers = np.repeat([f"{number:02}" for number in range(12)], 10).tolist()
    features = rng.normal(0, 1, (120, 200)) + rng.normal(0, 0.35, (3, 200))[classes]
    return features, classes, speakers


def test_machines_are_those_of_the_features_as_they_are(clouds):
    features, classes, speakers = clouds
    fit = fit_svm(features, classes, speakers, 3, [1e-3])
    machine = LinearSVC(C=1e-3, class_weight="balanced", max_iter=5000, random_state=0)
    plain = make_pipeline(StandardScaler(), machine).fit(features, classes)
    other = np.random.default_rng(2).normal(0, 1, (30, 200))
    ours = decisions(fit.machine, fit.space.transform(other), 3)
    np.testing.assert_allclose(ours, plain.decision_function(other), atol=2e-3 * np.abs(ours).max())
    assert fit.parameters == 2 * 200 + 3 * 201
    probabilities = fit.probabilities(other)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == ours.argmax(axis=1)).all()


def test_the_cost_is_chosen_on_speakers_that_were_not_heard(clouds):
    features, classes, speakers = clouds
    # Each speaker's first feature names the class, by a rule of their own: only a speaker that was heard gains by it.
    told = features.copy()
    told[:, 0] = [50 * ((label + int(name)) % 3) for label, name in zip(classes, speakers, strict=True)]
    assert fit_svm(told[:, :1], classes, speakers, 3, [1.0]).inner_uar < 0.5
    assert fit_svm(features, classes, speakers, 3, [1e-3, 1e-3]).inner_uar > 0.8
    weak, strong = (fit_svm(features, classes, speakers, 3, [cost]).inner_uar for cost in (1e-9, 1e-3))
    assert fit_svm(features, classes, speakers, 3, [1e-9, 1e-3]).cost == (1e-3 if strong > weak else 1e-9)


def test_a_class_that_was_not_learned_is_never_named():
    features, classes = np.random.default_rng(0).normal(0, 1, (20, 3)), np.tile([0, 2], 10)
    machine = LinearSVC(random_state=0).fit(features, classes)
    scores = decisions(machine, features, 4)
    assert scores.shape == (20, 4)
    assert set(scores.argmax(axis=1)) <= {0, 2}
    np.testing.assert_array_equal(np.where(scores[:, 2] > scores[:, 0], 2, 0), machine.predict(features))


def test_normalisation_per_speaker():
    features = np.array([[1.0, 5], [3, 5], [10, 0], [20, 4]], dtype=np.float32)
    normalised = normalised_per_speaker(features, ["a", "a", "b", "b"])
    np.testing.assert_allclose(normalised, [[-1, 0], [1, 0], [-1, -1], [1, 1]])


# Features


def test_functionals_are_computed_once(monkeypatch, tmp_path):
    monkeypatch.setenv("HAMILTONE_CACHE", str(tmp_path))
    monkeypatch.setattr(_functionals, "_version", lambda: "0")
    asked = []

    def make(features):
        return lambda waveform: asked.append(len(waveform)) or np.full(88, len(waveform), np.float32)

    monkeypatch.setattr(_functionals, "extractor", make)
    few = load_corpus("synthetic").select([5, 2, 7])
    first = _functionals.functionals(few, "eGeMAPSv02", quiet)
    assert first.shape == (3, 88) and len(asked) == 3
    assert first[:, 0].tolist() == asked
    kept = sorted((tmp_path / "functionals" / "eGeMAPSv02").glob("*.npy"))
    kept[0].write_bytes(b"damaged")
    again = _functionals.functionals(few, "eGeMAPSv02", quiet)
    np.testing.assert_array_equal(again, first)
    assert len(asked) == 4


@pytest.mark.parametrize("features", ["eGeMAPSv02", "ComParE_2016"])
def test_functionals_are_those_of_opensmile(features):
    opensmile = pytest.importorskip("opensmile", reason="the extra baselines is not installed")
    waveform = np.random.default_rng(0).normal(0, 0.1, 24000).astype(np.float32)
    vector = _functionals.extractor(features)(waveform)
    smile = opensmile.Smile(opensmile.FeatureSet[features], opensmile.FeatureLevel.Functionals)
    np.testing.assert_array_equal(vector, smile.process_signal(waveform, 16000).to_numpy()[0])
    assert vector.shape == (_functionals.SIZES[features],)


def test_opensmile_that_lacks_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opensmile", None)
    with pytest.raises(ComparisonError, match=r"opensmile is not installed: pip install 'hamiltone\[baselines\]'"):
        _functionals.extractor("eGeMAPSv02")


# Folds, results, looks


def results_of(places, system):
    results = read_results(places.results, "voices", system)
    assert results is not None
    return results


def test_all_systems_get_the_same_parts_and_what_is_done_is_kept(places, known_features, monkeypatch):
    arguments = ["--systems", places.systems, "--protocols", places.protocols, "--results", places.results]
    arguments = [*map(str, arguments), "--runs", str(places.runs)]
    train = [*arguments, "train", "--protocol", "voices", "--system", "egemaps-svm"]
    with pytest.raises(SystemExit, match=r"egemaps-svm on voices: this configuration was not tested before; say why"):
        __main__.main(train)
    assert not (places.results / "voices").exists()
    __main__.main([*train, "--system", "egemaps-svm-speaker", "--why", "a test"])
    assert run_fold("tiny", "voices", 1, 0, places, why="a test", report=quiet)
    assert not run_fold("tiny", "voices", 1, 0, places, report=quiet)
    found = {name: results_of(places, name) for name in read_systems(places.systems)}
    assert [len(results.folds) for results in found.values()] == [4, 4, 1]
    tiny, machine = found["tiny"].folds[0], found["egemaps-svm"].folds[1]
    assert tiny.split == machine.split
    assert tiny.parameters > 1000 and 4 * tiny.parameters <= tiny.model_bytes < 5 * tiny.parameters + 20000
    answers = {name: read_answers(places.results, results) for name, results in found.items()}
    of_fold = answers["egemaps-svm"].query("fold == 1")
    assert sorted(answers["tiny"]["utterance"]) == sorted(of_fold["utterance"])
    assert answers["egemaps-svm"]["utterance"].is_unique
    assert set(answers["egemaps-svm"]["utterance"]) == set(few_clips())
    looks = read_log(places.results, LOOKS)
    assert [(look["system"], look["why"]) for look in looks] == [
        (name, "a test") for name in ("egemaps-svm", "egemaps-svm-speaker", "tiny")
    ]
    before = (places.results / "voices" / "egemaps-svm.csv.gz").read_bytes()
    (places.results / "voices" / "egemaps-svm.json").unlink()
    (places.results / "voices" / "egemaps-svm.csv.gz").unlink()
    __main__.main([*train])  # no reason: this configuration was looked at before
    assert (places.results / "voices" / "egemaps-svm.csv.gz").read_bytes() == before
    assert len(read_log(places.results, LOOKS)) == 3
    monkeypatch.setattr(_pace, "extractor", lambda features: lambda waveform: np.zeros(88))
    factors = measure_pace(places)
    assert set(factors) == set(found) and min(factors.values()) > 0
    write_page(places, places.systems.parent / "page.md")
    text = (places.systems.parent / "page.md").read_text()
    assert "Not told yet: tiny (3 trainings lack)." in text and text.endswith("-->\nAfter\n")
    table = answers["egemaps-svm-speaker"]
    recall = unweighted_average_recall(table["truth"], table["prediction"])
    assert recall > 0.6 and f"| per speaker | used | 1 | {recall:.3f} [" in text
    assert f"| {factors['egemaps-svm']:.4f} |" in text
    ElementTree.parse(places.systems.parent / "pictures" / "recognisers.svg")


BANDS = """
[systems.bands]
kind = "network"
title = "bands"
settings = "bands.toml"

[systems.bands-at-speeds]
kind = "network"
title = "bands, mean of two speeds"
settings = "bands.toml"
trained_as = "bands"
speeds = [0.9, 1.0]

[systems.bands-mean]
kind = "network"
title = "bands, mean of three trainings at two speeds"
settings = "bands.toml"
trained_as = "bands"
speeds = [0.9, 1.0]
seeds = [0, 1, 2]
average = true

[systems.bands-all]
kind = "network"
title = "bands, of those who validate, too"
settings = "bands.toml"
overrides = ["training.with_validation=true"]
temperature_of = "bands"
"""
BANDS_SETTINGS = """
name = "replaced"
out = "replaced"
device = "cpu"
threads = 1
corpus = { name = "ravdess" }
split = { kind = "balanced", folds = 6 }
front = { kind = "log-mel", bands = 16 }
network = { kind = "residual", channels = [4], stem = 4, attention = 4 }
training = { learning_rate = 1e-2, epochs = 1, batch = 16, keep = "last" }
"""


def test_a_system_may_hear_the_same_trainings_at_several_speeds(places):
    places.systems.write_text(BANDS)
    (places.systems.parent / "bands.toml").write_text(BANDS_SETTINGS)
    for name in ("bands", "bands-at-speeds"):
        assert run_fold(name, "voices", 0, 0, places, why="a test", report=quiet)
    runs = places.runs / "voices"
    assert [folder.name for folder in runs.iterdir()] == ["bands"]
    at_one, at_two = (results_of(places, name) for name in ("bands", "bands-at-speeds"))
    assert at_one.configuration != at_two.configuration
    model = load_recognizer(runs / "bands" / "fold-0-seed-0" / "calibrated-0.9-1")
    assert model.front.settings()["speeds"] == [0.9, 1.0]
    assert model.temperature == pytest.approx(at_two.folds[0].chosen["temperature"], abs=1e-4)
    answers = [read_answers(places.results, results).set_index("utterance") for results in (at_one, at_two)]
    scores = [name for name in answers[0].columns if name.startswith("score_")]
    assert set(answers[0].index) == set(answers[1].index)
    assert (answers[0][scores] - answers[1].loc[answers[0].index, scores]).abs().max(axis=None) > 1e-3
    assert set(measure_pace(places)) == {"bands", "bands-at-speeds", "bands-mean"}
    averaged = _pace._averaged(runs / "bands" / "fold-0-seed-0" / "calibrated-0.9-1", 3)
    waveform = torch.randn(2, FRAME_SAMPLES)
    assert isinstance(averaged.network, Ensemble) and len(averaged.network.networks) == 3
    torch.testing.assert_close(averaged(waveform).softmax(1), model.eval()(waveform).softmax(1))


def test_trainings_whose_results_alone_are_there_are_trained_again(places):
    places.systems.write_text(BANDS)
    (places.systems.parent / "bands.toml").write_text(BANDS_SETTINGS)
    folds = number_of_folds("voices", places.protocols)
    for fold in range(folds):
        assert run_fold("bands", "voices", fold, 0, places, why="a test", report=quiet)
    shutil.rmtree(places.runs)
    _, folders = trained_folds("bands", "voices", places, command="a test")
    assert len(folders) == folds and all((folder / "record.json").is_file() for folder in folders)


def test_every_result_is_of_a_system_that_its_protocol_names():
    for name, protocol in read_protocols().items():
        named = {*protocol.systems, *(protocol.source.systems if protocol.source else ())}
        told = {path.name.removesuffix(".json") for path in (RESULTS / name).glob("*.json")}
        assert told <= named, name
        assert named <= read_systems().keys(), name
        if protocol.source:
            assert {*protocol.source.systems} <= {*read_protocols()[protocol.source.protocol].systems}


def test_what_learns_from_those_who_validate_takes_anothers_temperature(places):
    places.systems.write_text(BANDS)
    (places.systems.parent / "bands.toml").write_text(BANDS_SETTINGS)
    with pytest.raises(ComparisonError, match="bands has no results on voices, fold 0: train it there first"):
        run_fold("bands-all", "voices", 0, 0, places, why="a test", report=quiet)
    for name, seed in (("bands", 0), ("bands", 1), ("bands-all", 0), ("bands-all", 1), ("bands-all", 2)):
        assert run_fold(name, "voices", 0, seed, places, why="a test", report=quiet)
    own, taken = (
        [facts.chosen["temperature"] for facts in results_of(places, name).folds] for name in ("bands", "bands-all")
    )
    assert len({1, *own}) == 3
    assert taken == [own[0], own[1], own[0]]  # of the same seed, and of the first where that was not trained
    model = load_recognizer(places.runs / "voices" / "bands-all" / "fold-0-seed-0" / "calibrated")
    assert model.temperature == own[0]


def test_another_configuration_is_refused(places, known_features):
    assert run_fold("egemaps-svm", "voices", 0, 0, places, why="a test", report=quiet)
    places.systems.write_text(SYSTEMS.replace("1e-1", "1e-2"))
    with pytest.raises(ComparisonError, match=r"egemaps-svm.json: holds results of configuration \w+, and this is \w+"):
        run_fold("egemaps-svm", "voices", 1, 0, places, why="a test", report=quiet)
    with pytest.raises(ComparisonError, match="no system is called 'other'; there are egemaps-svm, egemaps"):
        run_fold("other", "voices", 1, 0, places, report=quiet)


# Scores


def answers_of(truth, prediction, speakers, certainty=0.7):
    scores = {
        f"score_{label}": [certainty if label == name else (1 - certainty) / 3 for name in prediction]
        for label in LABELS
    }
    names = [f"clip-{number:03}" for number in range(len(truth))]
    return pd.DataFrame({"utterance": names, "speaker": speakers, "truth": truth, "prediction": prediction, **scores})


def keep(folder, system, table, seed=0, split="s"):
    facts = FoldFacts(fold=0, seed=seed, split=split, parameters=10, model_bytes=40, minutes=0.5, versions={})
    results = SystemResults(
        system=system, protocol="p", configuration="c", labels=LABELS, of_folds=1, corpus="some", folds=()
    )
    add_fold(folder, results, facts, table)


def test_answers_of_one_protocol_serve_another_of_the_same_folds(places):
    calm = '\n[source]\nprotocol = "voices"\n[source.classes]\nloud = ["happy", "angry"]\nquiet = ["sad"]\n'
    labels = '{ happy = "loud", angry = "loud", sad = "quiet" }'
    text = (places.protocols / "voices.toml").read_text()
    text = text.replace('name = "synthetic"', f'name = "synthetic"\nlabels = {labels}\nonly = true')
    (places.protocols / "two.toml").write_text(text + calm)
    dataset = fold_dataset(read_protocols(places.protocols)["voices"], places.protocols, 0)
    table = dataset.utterances.table.set_index("utterance").loc[list(dataset.split.parts["test"])]
    answers = answers_of(table["emotion"].tolist(), table["emotion"].tolist(), table["speaker"].tolist(), 0.7)
    answers["utterance"] = table.index.to_numpy()
    facts = FoldFacts(fold=0, seed=0, split="s", parameters=1, model_bytes=4, minutes=0.5, versions={})
    results = SystemResults(
        system="tiny", protocol="voices", configuration="c", labels=LABELS, of_folds=4, corpus="some", folds=()
    )
    add_fold(places.results, results, facts, answers)
    assert derive("tiny", "two", places, why="a test") == 1
    derived = read_results(places.results, "two", "tiny")
    assert derived is not None
    got = read_answers(places.results, derived).set_index("utterance")
    assert set(got["truth"]) == {"loud", "quiet"}
    assert got["truth"].tolist() == got["prediction"].tolist()
    loud, quiet = got["truth"] == "loud", got["truth"] == "quiet"
    np.testing.assert_allclose(got.loc[loud, "score_loud"], 0.8 / 0.9, atol=1e-4)
    np.testing.assert_allclose(got.loc[quiet, "score_quiet"], 0.7 / 0.9, atol=1e-4)
    with pytest.raises(ComparisonError, match="voices has no source"):
        derive("tiny", "voices", places, why="a test")


@pytest.fixture
def compared(tmp_path):
    """Eight speakers of two corpora, 16 clips each: a reference, a better system, and one with two seeds."""
    rng = np.random.default_rng(3)
    truth = np.tile(LABELS, 32)
    speakers = np.repeat(
        [f"ravdess/{n:02}" for n in range(1, 5)] + [f"nemo/{n}" for n in ("EB0", "IC0", "KS0", "MP0")], 16
    )

    def guess(right):
        return np.where(rng.random(128) < right, truth, rng.choice(LABELS, 128))

    tables = {name: answers_of(truth, guess(right), speakers) for name, right in (("egemaps-svm", 0.3), ("good", 0.8))}
    for name, table in tables.items():
        keep(tmp_path, name, table)
    seeds = [answers_of(truth, guess(0.5), speakers, certainty) for certainty in (0.5, 0.9)]
    for seed, table in enumerate(seeds):
        keep(tmp_path, "several", table, seed=seed)
    return tmp_path, tables, seeds


def systems_of(text):
    import tomllib

    from benchmarks.recognisers._systems import Systems

    return Systems.model_validate(tomllib.loads(text)).systems


def scores_of(folder, systems):
    scores = protocol_scores(folder, "p", ("ravdess", "nemo"), systems)
    assert scores is not None
    return scores


TWO = SYSTEMS.partition("[systems.egemaps-svm-speaker]")[0]
GOOD = '[systems.good]\nkind = "network"\ntitle = "good"\nsettings = "x.toml"\ncompared_with = "several"\n'
SEVERAL = '[systems.several]\nkind = "network"\ntitle = "several"\nsettings = "x.toml"\nseeds = [0, 1]\n'


def test_scores_are_those_of_the_measures(compared):
    folder, tables, seeds = compared
    scores = scores_of(folder, systems_of(TWO + GOOD + SEVERAL))
    assert (scores.clips, scores.speakers, scores.folds, dict(scores.unfinished)) == (128, 8, 1, {})
    by_name = {one.name: one for one in scores.measured}
    good, table = by_name["good"], tables["good"]
    assert good.uar.estimate == pytest.approx(unweighted_average_recall(table["truth"], table["prediction"]))
    low, high = good.uar.low, good.uar.high
    assert low is not None and high is not None and low < good.uar.estimate < high
    assert list(good.groups) == ["ravdess", "nemo", "women", "men"]
    men = table[table["speaker"].isin(["ravdess/01", "ravdess/03", "nemo/KS0", "nemo/MP0"])]
    assert good.groups["men"].estimate == pytest.approx(unweighted_average_recall(men["truth"], men["prediction"]))
    assert good.mean == pytest.approx((good.groups["ravdess"].estimate + good.groups["nemo"].estimate) / 2)
    right = (table["truth"] == table["prediction"]).mean()
    assert good.ece == pytest.approx(abs(0.7 - right))
    both = pd.concat(seeds)
    assert by_name["several"].uar.estimate == pytest.approx(
        unweighted_average_recall(both["truth"], both["prediction"])
    )
    pairs = {(one.name, one.baseline): one for one in scores.differences}
    assert set(pairs) == {("good", "egemaps-svm"), ("several", "egemaps-svm"), ("good", "several")}
    columns = table["truth"], table["prediction"], tables["egemaps-svm"]["prediction"], table["speaker"]
    expected = paired_permutation_test(uar_from_confusion, *columns)
    assert pairs["good", "egemaps-svm"].p == expected.p
    assert pairs["good", "egemaps-svm"].interval.estimate == pytest.approx(expected.difference)
    assert [one.corrected for one in scores.differences] == holm([one.p for one in scores.differences])
    less = good.uar.estimate - by_name["several"].uar.estimate
    assert pairs["good", "several"].interval.estimate == pytest.approx(less)


def test_trainings_are_averaged_where_the_system_says_so(compared):
    folder, _, seeds = compared
    scores = scores_of(folder, systems_of(TWO + SEVERAL + "average = true\n"))
    (one,) = [one for one in scores.measured if one.name == "several"]
    named = [f"score_{label}" for label in LABELS]
    mean = (seeds[0][named].to_numpy() + seeds[1][named].to_numpy()) / 2
    expected = unweighted_average_recall(seeds[0]["truth"], np.array(LABELS)[mean.argmax(axis=1)])
    assert one.uar.estimate == pytest.approx(expected)
    assert (one.parameters, one.model_bytes, one.minutes) == (20, 80, 1.0)


def test_seeds_that_lack_folds_are_not_counted(compared):
    folder, _, seeds = compared
    more = SEVERAL.replace("[0, 1]", "[0, 1, 2]")
    scores = scores_of(folder, systems_of(TWO + more))
    one = scores.measured[1]
    both = pd.concat(seeds)
    assert (one.name, one.seeds, dict(scores.unfinished)) == ("several", (0, 1), {"several": 1})
    assert one.uar.estimate == pytest.approx(unweighted_average_recall(both["truth"], both["prediction"]))
    averaged = scores_of(folder, systems_of(TWO + more + "average = true\n"))
    assert [one.name for one in averaged.measured] == ["egemaps-svm"]


def test_a_learning_curve_is_of_the_systems_that_have_a_point_of_fewer_speakers(compared, tmp_path):
    whole = Protocol(title="All of them", about="All.", corpus=CorpusSettings(name="ravdess"))
    splits = {f"p-{count}": SplitSettings(training_speakers=count) for count in (4, 2)}
    fewer = {name: whole.model_copy(update={"split": split, "curve_of": "p"}) for name, split in splits.items()}
    folder, _, _ = compared
    every = scores_of(folder, systems_of(TWO + GOOD + SEVERAL))
    points = {"p": replace(every, folds=8), "p-4": scores_of(folder, systems_of(TWO + SEVERAL)), "p-2": every}
    (curve,) = learning_curves({"p": whole, **fewer}, points)
    good = next(one.system.title for one in every.measured if one.name == "good")
    assert {title: list(counts) for title, counts in curve.points.items()} == {
        "eGeMAPS + SVM": [2, 4, 6],
        good: [2, 6],
        "several": [2, 4, 6],
    }
    assert curve.counts() == [2, 4, 6]
    assert curve.points["several"][6] == {one.name: one for one in every.measured}["several"].uar
    section = curve_section(curve, "there.svg")
    assert "| system | 2 speakers | 4 speakers | 6 speakers |" in section
    assert re.search(rf"^\| {re.escape(good)} \| [^|]+ \|  \| [^|]+ \|$", section, re.MULTILINE)
    assert "From 4 to 6 speakers the systems gain +0.000 to +0.000." in section
    assert ElementTree.fromstring(curve_picture(curve)).tag.endswith("svg")
    assert learning_curves({"p": whole}, {"p": every}) == ()


def test_a_clip_without_an_answer_counts_as_wrong(compared, tmp_path):
    folder, tables, _ = compared
    keep(folder, "good", tables["good"].iloc[16:])
    scores = scores_of(folder, systems_of(TWO + GOOD))
    good = scores.measured[1]
    told = tables["good"]["prediction"].where(np.arange(128) >= 16, NOTHING)
    assert good.unanswered == 16
    assert good.uar.estimate == pytest.approx(unweighted_average_recall(tables["good"]["truth"], told))


def test_other_parts_are_refused(compared):
    folder, tables, _ = compared
    keep(folder, "good", tables["good"], split="another")
    with pytest.raises(ComparisonError, match=r"good.json: fold 0 is not parted as that of egemaps-svm"):
        scores_of(folder, systems_of(TWO + GOOD))


# What is committed


def test_committed_results_make_the_committed_page(tmp_path):
    docs = Path(__file__).parents[2] / "docs"
    page = tmp_path / "recognisers.md"
    page.write_text((docs / "recognisers.md").read_text())
    write_page(Places(), page)
    assert page.read_text() == (docs / "recognisers.md").read_text()
    titles = [protocol.title for protocol in read_protocols().values() if protocol.curve_of is None]
    assert all(f"## {title}\n" in page.read_text() for title in titles)
    assert ElementTree.parse(docs / "pictures" / "recognisers.svg").getroot().tag.endswith("svg")


def test_a_page_without_a_place_is_told(places):
    page = places.systems.parent / "other.md"
    page.write_text("nothing")
    with pytest.raises(PageError, match=r"other.md: it lacks the lines <!-- tables of the recognisers -->"):
        write_page(places, page)
