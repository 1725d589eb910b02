"""Records: what is written is read again, and what is no such record is refused in one line."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hamiltone.corpora import Split
from hamiltone.records import (
    METHOD_NAMES,
    Condition,
    CorpusFacts,
    Epoch,
    EvaluatedSplit,
    Evaluation,
    EvaluationRecord,
    Failure,
    PartSize,
    PlannedRun,
    Probe,
    ProbeLayer,
    ProbeTarget,
    Reconstruction,
    RecordError,
    Resources,
    RunRecord,
    Score,
    SplitFacts,
    StudyPlan,
    namesakes,
    read_record,
)

SHARES = st.floats(0, 1)
NUMBERS = st.integers(0, 10**12)
TEXTS = st.text(max_size=12)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SETTINGS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | NUMBERS | FLOATS | TEXTS,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
        max_leaves=4,
    ),
    max_size=3,
)
SCORES = st.builds(Score, value=SHARES, low=st.none() | SHARES, high=st.none() | SHARES, note=TEXTS)
SIZES = st.builds(PartSize, clips=NUMBERS, frames=NUMBERS, speakers=NUMBERS)
METHODS = st.none() | st.sampled_from(METHOD_NAMES)
VERSIONS = st.dictionaries(TEXTS, TEXTS, max_size=2)


@st.composite
def evaluations(draw):
    """Measures with a square confusion matrix."""
    labels = draw(st.lists(TEXTS, min_size=1, max_size=3, unique=True))
    row = st.tuples(*[NUMBERS] * len(labels))
    measures = {name: draw(SCORES) for name in ("accuracy", "uar", "macro_f1")}
    confusion = draw(st.tuples(*[row] * len(labels)))
    return Evaluation(clips=draw(NUMBERS), speakers=3, confusion=confusion, labels=tuple(labels), **measures)


HEADING = {
    "kind": TEXTS,
    "hash": TEXTS,
    "protocol": TEXTS,
    "scheme": st.none() | TEXTS,
    "folds": st.none() | NUMBERS,
    "fold": st.none() | NUMBERS,
}
SPLITS = st.builds(SplitFacts, **HEADING, train=SIZES, validation=SIZES, test=SIZES)
CORPORA = st.builds(CorpusFacts, name=TEXTS, note=TEXTS)
EPOCHS = st.builds(
    Epoch,
    epoch=NUMBERS,
    train=st.dictionaries(TEXTS, FLOATS, max_size=2),
    validation=st.dictionaries(TEXTS, FLOATS, max_size=2),
)
RUNS = st.builds(
    RunRecord,
    hamiltone=TEXTS,
    run=TEXTS,
    name=TEXTS,
    task=st.sampled_from(["emotion", "speaker", "word", "rh-emo"]),
    method=METHODS,
    layers=st.lists(NUMBERS, max_size=2).map(tuple),
    chain=st.lists(st.tuples(TEXTS, st.lists(NUMBERS, max_size=2).map(tuple)), max_size=2).map(tuple),
    settings=SETTINGS,
    settings_hash=TEXTS,
    rests_on=VERSIONS,
    split=SPLITS,
    corpus=CORPORA,
    notes=st.lists(TEXTS, max_size=2).map(tuple),
    labels=st.lists(TEXTS, max_size=2).map(tuple),
    parameters=st.dictionaries(TEXTS, NUMBERS, max_size=2).map(lambda found: {"trained": 1, **found}),
    epochs=st.lists(EPOCHS, max_size=2).map(tuple),
    best_epoch=NUMBERS,
    stopped=st.sampled_from(["patience", "epochs"]),
    validation=st.none() | evaluations(),
    test=st.none() | evaluations(),
    reconstruction=st.none()
    | st.builds(
        Reconstruction,
        bce=FLOATS,
        bce_constant=FLOATS,
        bce_mean_spectrogram=FLOATS,
        axis_deviation=st.tuples(*[FLOATS] * 4),
    ),
    resources=st.builds(
        Resources,
        seconds_per_epoch=FLOATS,
        epoch_seconds=st.lists(FLOATS, max_size=2).map(tuple),
        cpu_seconds_per_epoch=st.none() | FLOATS,
        epoch_cpu_seconds=st.lists(FLOATS, max_size=2).map(tuple),
        peak_memory_bytes=NUMBERS,
        device=TEXTS,
        processor=TEXTS,
        threads=NUMBERS,
        processes=NUMBERS,
        side_by_side=st.none() | NUMBERS,
    ),
    versions=VERSIONS,
    command=TEXTS,
)
EVALUATIONS = st.builds(
    EvaluationRecord,
    name=TEXTS,
    task=TEXTS,
    model=TEXTS,
    corpus=CORPORA,
    split=st.builds(EvaluatedSplit, **HEADING, test=SIZES),
    notes=st.lists(TEXTS, max_size=2).map(tuple),
    labels=st.lists(TEXTS, max_size=2).map(tuple),
    test=evaluations(),
    versions=VERSIONS,
    command=TEXTS,
)
TARGETS = st.builds(
    ProbeTarget,
    accuracy=SHARES,
    uar=SHARES,
    chance=SHARES,
    classes=NUMBERS,
    clips=NUMBERS,
    folds=NUMBERS,
    apart=TEXTS,
    low=st.none() | SHARES,
    high=st.none() | SHARES,
    note=TEXTS,
)


@st.composite
def probes(draw):
    """Probes of some convolutions and one last hidden layer."""
    convolutions = draw(st.integers(0, 2))
    layers = [
        ProbeLayer(
            layer=number,
            name=draw(TEXTS),
            kind="convolution" if number <= convolutions else "last hidden",
            size=draw(NUMBERS),
            targets=draw(st.dictionaries(TEXTS, TARGETS, max_size=2)),
            missing=draw(VERSIONS),
        )
        for number in range(1, convolutions + 2)
    ]
    names = {name: draw(TEXTS) for name in ("run", "name", "corpus", "command")}
    tables = {name: draw(SETTINGS) for name in ("frames", "method")}
    texts = {name: draw(VERSIONS) for name in ("split", "versions")}
    return Probe(
        clips=draw(NUMBERS), speakers=2, notes=(draw(TEXTS),), layers=tuple(layers), **names, **tables, **texts
    )


@st.composite
def plans(draw):
    """Plans of a few runs, each resting on the one before."""
    conditions = st.none() | st.builds(
        Condition,
        corpus=TEXTS,
        split=TEXTS,
        folds=st.none() | NUMBERS,
        fold=NUMBERS,
        network=TEXTS,
        algebra=TEXTS,
        front=TEXTS,
        method=st.sampled_from(METHOD_NAMES),
        layer=st.none() | NUMBERS,
    )
    cells = draw(st.lists(conditions, max_size=3))
    kinds = st.sampled_from(["rh-emo-1", "rh-emo-2", "word", "speaker", "recogniser"])
    runs = [
        PlannedRun(
            folder=f"runs/{place}",
            key=draw(TEXTS),
            kind=draw(kinds),
            needs=(f"runs/{place - 1}",) if place else (),
            cell=cell and cell.model_copy(update={"seed": place}),
        )
        for place, cell in enumerate(cells)
    ]
    return StudyPlan(study=draw(TEXTS), command=draw(TEXTS), settings=draw(SETTINGS), runs=tuple(runs))


FILES = [RUNS, EVALUATIONS, probes(), plans(), st.builds(Failure, reason=TEXTS, command=TEXTS)]
NAMES = ["run", "evaluation", "probe", "plan", "failure"]


@pytest.mark.parametrize("strategy", FILES, ids=NAMES)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_what_is_written_is_what_is_read(tmp_path, strategy, data):
    record = data.draw(strategy)
    path = tmp_path / "file.json"
    record.write(path)
    again = type(record).read(path)
    assert again == record
    first = path.read_bytes()
    again.write(path)
    assert path.read_bytes() == first


def example(strategy):
    """One record of the strategy, always the same."""
    found = []

    @settings(
        max_examples=1, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(strategy)
    def keep(record):
        found.append(record)

    keep()
    return found[0]


def refused(record, path: Path, content: object) -> str:
    """The line that refuses a file with this content in the record's place."""
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RecordError) as caught:
        type(record).read(path)
    line = str(caught.value)
    assert "\n" not in line
    assert str(path) in line
    return line


@pytest.mark.parametrize("strategy", FILES, ids=NAMES)
def test_a_damaged_foreign_or_older_file_is_one_line_that_names_file_and_key(tmp_path, strategy):
    record = example(strategy)
    path = tmp_path / "file.json"
    record.write(path)
    content = json.loads(path.read_text())
    assert "format: Input should be" in refused(record, path, content | {"format": 99})
    assert "command: Field required" in refused(
        record, path, {key: content[key] for key in content if key != "command"}
    )
    assert "strange: Extra inputs are not permitted" in refused(record, path, content | {"strange": 1})
    assert "command: Input should be a valid string" in refused(record, path, content | {"command": None})
    assert "Input should be an object" in refused(record, path, [content])
    for damaged in (b"", b"{", b"\xff\xfe", path.read_bytes()[:-3]):
        path.write_bytes(damaged)
        with pytest.raises(RecordError, match="Invalid JSON") as caught:
            type(record).read(path)
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(RecordError, match="cannot be read: No such file or directory; do that"):
        type(record).read(path, "do that")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"parameters": {"network": 1}}, "parameters: Value error, trained is missing"),
        ({"epochs": [{"epoch": 1, "train": {"loss": None}, "validation": {}}]}, "epochs.0.train.loss: "),
        ({"method": ""}, "method: Input should be 'none', 'single S'"),
        ({"task": "song"}, "task: Input should be"),
    ],
)
def test_a_run_that_cannot_be_right_is_refused(tmp_path, change, key):
    record = example(RUNS)
    path = tmp_path / "record.json"
    record.write(path)
    assert key in refused(record, path, json.loads(path.read_text()) | change)


def test_numbers_that_are_none_are_refused_in_writing_and_in_reading(tmp_path):
    with pytest.raises(ValueError, match="finite number"):
        Epoch(epoch=1, train={"loss": float("nan")}, validation={})
    record = example(RUNS)
    path = tmp_path / "record.json"
    record.write(path)
    epochs = [{"epoch": 1, "train": {"loss": float("inf")}, "validation": {}}]
    assert "epochs.0.train.loss: " in refused(record, path, json.loads(path.read_text()) | {"epochs": epochs})


def test_a_probe_needs_one_last_hidden_layer(tmp_path):
    probe = example(probes())
    path = tmp_path / "probe.json"
    probe.write(path)
    content = json.loads(path.read_text())
    hidden = next(layer for layer in content["layers"] if layer["kind"] == "last hidden")
    assert probe.last_hidden == hidden["layer"]
    for layers in ([], [hidden, hidden], [hidden | {"kind": "convolution"}]):
        assert "one last hidden layer" in refused(probe, path, content | {"layers": layers})


def test_a_folder_without_a_record_is_no_finished_run(tmp_path):
    with pytest.raises(RecordError, match=r"no finished run \(record.json is missing\); train it first"):
        read_record(tmp_path)
    record = example(RUNS)
    record.write(tmp_path / "record.json")
    assert read_record(tmp_path) == record


def test_names_of_heard_recordings_are_seen_in_other_corpora_alone() -> None:
    parts = {
        "train": (),
        "validation": (),
        "test": ("wav/03a01Fa.wav", "C:\\of mine\\03a01Wa.wav#0.5-1.2", "new", "03a"),
    }
    split = Split("table", "random", 0, parts)
    heard = {"emodb": ["03a01Fa", "03a01Wa", "03a02Fc"], "table": ["new"], "tess": ["OAF_bar_sad"]}
    (note,) = namesakes(heard, split.by_corpus("test"), "test recordings", "it")
    assert note.startswith("it has heard emodb, where 2 recordings have names of these 4 test recordings (as 03a01Fa)")
    assert namesakes(heard, split.by_corpus("validation"), "validation recordings", "it") == []
