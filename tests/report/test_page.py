"""The page: complete, self-contained, well-formed, the same for the same records."""

import re
import shutil
from html.parser import HTMLParser

import matplotlib as mpl
import pytest

from hamiltone.records import CorpusFacts, Epoch, RecordError
from hamiltone.report import ReportError, protocol_lines, result_rows, write_report

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """A strict reading: every element is closed in order; text by the element that it stands in."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", " ".join(data.split())))

    def inside(self, *tags):
        return [text for tag, text in self.texts if tag in tags]

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


def read(path):
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def test_the_page_holds_tables_figures_and_provenance(study_page):
    study = study_page.parent
    assert study_page == study / "report.html"
    _, page = read(study_page)
    headings = page.inside("h2")
    assert "Accuracy on unseen speakers: ravdess" in headings
    assert {"Pre-trained networks", "Clips that every method gets wrong", "Notes", "Provenance"} <= set(headings)
    cells = page.inside("th", "td", "small")
    for row in result_rows(study):
        assert row["Run"] in cells
        value, _, interval = row["Accuracy"].partition(" [")
        assert value in cells
        assert f"[{interval}" in cells
    assert {"dual SW", "single S", "single W", "700 MiB", "661,348", "0.0521", "0.0943", "2.5 %"} <= set(cells)
    # One overview; 2 panels of the baseline, 3 of each method; 2 of each orthogonal task; 3 of RH-Emo.
    assert page.count("svg") == 1 + (2 + 3 * 3) + 2 * 2 + 3
    assert any("40 classes is too large" in text for text in page.inside("p"))
    assert "ab" * 4 in " ".join(page.inside("code"))
    assert "hamiltone train configs/baseline.toml" in page.inside("code")
    assert any('"algebra": "quaternion"' in text for text in page.inside("pre"))
    assert "1080 of 1440 clips" in " ".join(page.inside("li"))
    assert sum("2 silent clips" in text for text in page.inside("li")) == 1


def test_the_page_needs_no_network_and_no_other_file(study_page):
    text, page = read(study_page)
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert not {"script", "link", "img", "iframe", "image"} & {tag for tag, _ in page.elements}
    assert not [attributes for _, attributes in page.elements if not attributes.get("href", "#").startswith("#")]
    assert "prefers-color-scheme: dark" in text
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.elements


def test_every_identifier_is_there_once_and_every_reference_leads_to_one(study_page):
    text, page = read(study_page)
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    references = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    for _, attributes in page.elements:
        references |= set(attributes.get("aria-labelledby", "").split())
    assert references
    assert references <= set(identifiers)


def test_figures_are_named_and_their_axes_labelled_in_the_colours_of_the_page(study_page):
    text, _ = read(study_page)
    drawings = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    for drawing in drawings:
        labels = Page(drawing).inside("text")
        assert re.search(r'role="img"', drawing)
        title = re.search(r"<title[^>]*>(.+?)</title><desc[^>]*>.+?</desc>", drawing)
        assert title
        if title[1].startswith("Accuracy"):
            assert {"accuracy, and its 95 % interval where estimable", "chance", "single-w"} <= set(labels)
        else:
            assert "epoch" in labels
            assert {"training", "accuracy"} & set(labels)
        if title[1].startswith("Loss"):
            assert {"cross-entropy", "validation", "best epoch"} <= set(labels)
            assert len(set(re.findall(r"stroke-dasharray:([^;\"]+)", drawing))) >= 2  # styles, not colours alone
        assert not re.findall(r"#[0-9a-f]{6}\b", drawing)
        assert "var(--ink)" in drawing
    variables = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert variables <= set(re.findall(r"(--[\w-]+):", text))


def test_the_anti_transfer_term_has_a_panel_only_where_it_was_used(tmp_path, make):
    make.write(tmp_path / "a", *make.full("plain"))
    make.write(tmp_path / "b", *make.full("against", "single S", [2]))
    text, page = read(write_report(tmp_path))
    assert page.inside("title").count("Anti-transfer: against") == 1
    assert "Anti-transfer: plain" not in text


def test_the_same_records_give_the_same_bytes_anywhere(tmp_path, make, monkeypatch):
    study = tmp_path / "runs"
    make.write(study / "b", *make.full("against", "single S", [2]))
    make.write(study / "a", make.small())
    first = write_report(study).read_bytes()
    assert write_report(study).read_bytes() == first
    copy = shutil.copytree(study, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("report.html"))
    monkeypatch.setitem(mpl.rcParams, "lines.linewidth", 9.0)
    monkeypatch.setitem(mpl.rcParams, "svg.hashsalt", "mine")
    assert write_report(copy, tmp_path / "pages" / "x.html").read_bytes() == first
    assert not (copy / "report.html").exists()
    assert (mpl.rcParams["lines.linewidth"], mpl.rcParams["svg.hashsalt"]) == (9.0, "mine")


def test_names_from_outside_are_text_and_nothing_else(tmp_path, make):
    nasty = "<script>alert('x')</script>\"&$x^2_\x00日本"
    labels = ["</svg><b>", "$\\frac{$", "怒り"]
    record, _ = make.full(
        nasty,
        "single S",
        [2],
        labels=labels,
        test=make.evaluation(labels=labels),
        notes=[nasty],
        corpus=CorpusFacts(name=nasty, note=nasty),
        command=nasty,
        versions={nasty: nasty},
        settings={nasty: "</pre>" + nasty},
    )
    _, predictions = make.full()
    predictions[["utterance", "truth"]] = predictions[["utterance", "prediction"]].map(lambda item: nasty[1:-4] + item)
    make.write(tmp_path / "a", record, predictions)
    make.write(tmp_path / "b", make.changed(record, name="other"), predictions)
    text, page = read(write_report(tmp_path))
    assert "<script" not in text
    assert not {"script", "b"} & {tag for tag, _ in page.elements}
    assert {"$\\frac{$", "怒り", "</svg><b>"} <= set(page.inside("th"))


def test_synthetic_speech_is_said_at_the_top(tmp_path, make):
    make.write(tmp_path / "people", make.small("people"))
    _, page = read(write_report(tmp_path))
    assert "Synthetic speech." not in page.inside("strong")
    synthetic = make.small(corpus=CorpusFacts(name="synthetic", note="eSpeak NG voices"))
    make.write(tmp_path / "machines", synthetic)
    _, page = read(write_report(tmp_path / "machines"))
    assert page.inside("strong")[0] == "Synthetic speech."
    assert "Every recording behind this page" in " ".join(page.inside("p"))
    _, page = read(write_report(tmp_path))
    assert page.inside("strong")[0] == "Synthetic speech."
    assert "The runs on the corpus synthetic" in " ".join(page.inside("p"))


def test_a_random_split_is_no_accuracy_on_unseen_speakers(tmp_path, make):
    make.write(tmp_path, make.small(split=make.split(kind="random", hash="aa")))
    _, page = read(write_report(tmp_path))
    assert "Accuracy on held-out recordings: ravdess" in page.inside("h2")
    assert "unseen" not in " ".join(text for tag, text in page.texts if tag != "style")


def test_the_protocol_of_each_split_is_said_at_the_top_and_beside_each_run(tmp_path, make):
    lines = [f"speaker-independent, not text-independent: of {number} test speakers, ..." for number in (6, 7)]
    make.write(tmp_path / "a", make.small("a", split=make.split(hash="aa", protocol=lines[0])))
    make.write(tmp_path / "b", make.small("b", split=make.split(kind="random", hash="bb", protocol="neither")))
    _, page = read(write_report(tmp_path))
    assert {f"ravdess, actor split: {lines[0]}", "ravdess, random split: neither"} <= set(page.inside("li"))
    assert {lines[0], "neither"} <= set(page.inside("dd"))
    make.write(tmp_path / "c", make.small("c", split=make.split(hash="cc", protocol=lines[1])))
    _, page = read(write_report(tmp_path))
    assert "ravdess, actor split: speaker-independent, not text-independent" in page.inside("li")
    assert set(protocol_lines(tmp_path)) <= set(page.inside("li"))
    assert len(protocol_lines(tmp_path)) == 2


def test_few_speakers_are_said_to_give_no_interval_once(tmp_path, make):
    make.write(tmp_path, *make.full(speakers=2, epochs=[]))
    _, page = read(write_report(tmp_path))
    assert page.inside("p").count("No intervals: 2 test speakers, and six are needed.") == 1
    assert not any("not estimable" in text for text in page.inside("small"))


def test_a_confusion_matrix_is_a_table_with_the_shares_of_the_true_classes(tmp_path, make):
    counts = [[4, 1, 0], [1, 2, 0], [0, 0, 5]]
    make.write(tmp_path, make.small(test=make.evaluation(confusion=counts)))
    text, _ = read(write_report(tmp_path))
    (table,) = re.findall(r'<table aria-label="Confusion matrix \(test clips\): small">.*?</table>', text, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    assert [Page(row).inside("th", "span") for row in rows] == [
        ["true / predicted", "calm", "sad", "angry"],
        *(["calm"], ["sad"], ["angry"]),
    ]
    assert [Page(row).inside("td", "small") for row in rows[1:]] == [
        ["4", "80 %", "1", "20 %"],
        ["1", "33 %", "2", "67 %"],
        ["5", "100 %"],
    ]
    assert re.findall(r'--share:(\d+)%"( class="full")?', rows[1]) == [("80", ' class="full"'), ("20", "")]


@pytest.mark.parametrize("task", ["emotion", "speaker", "word", "rh-emo"])
def test_a_run_may_have_no_measures_no_curves_and_no_predictions(tmp_path, make, task):
    method = "none" if task == "emotion" else None
    make.write(tmp_path, make.small("bare", task=task, method=method, test=None))
    _, page = read(write_report(tmp_path))
    assert "bare" in page.inside("th")
    assert page.count("svg") == 0


def test_a_value_that_some_epochs_lack_is_drawn_where_it_is(tmp_path, make):
    record, predictions = make.full()
    epochs = [
        epoch if epoch.epoch % 2 else Epoch(epoch=epoch.epoch, train={}, validation={}) for epoch in record.epochs
    ]
    make.write(tmp_path, make.changed(record, epochs=epochs), predictions)
    _, page = read(write_report(tmp_path))
    assert "Loss: baseline" in page.inside("title")


def test_drafts_and_other_hidden_folders_are_passed_over(tmp_path, make):
    make.write(tmp_path / "run", *make.full("whole"))
    make.write(tmp_path / ".run.123.draft", *make.full("draft"))
    assert [row["Run"] for row in result_rows(tmp_path)] == ["whole"]


def test_the_page_never_takes_the_place_of_a_folder(study, tmp_path):
    with pytest.raises(ReportError, match="is a folder"):
        write_report(study, study)
    assert (study / "baseline" / "record.json").is_file()


def test_no_folder_and_no_records_are_told(tmp_path):
    with pytest.raises(ReportError, match="there is no folder"):
        write_report(tmp_path / "absent")
    with pytest.raises(ReportError, match=r"no record\.json"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"[]", "is no record"),
        (b'{"name": "other"}', "hamiltone: Field required"),
        (b'{"hamiltone": "9", "format": 2, "run": "", "name": "", "task": "emotion"}', "format: Input should be 1"),
    ],
)
def test_a_record_that_cannot_be_read_is_named_in_one_line(study, content, message):
    (study / "sw" / "record.json").write_bytes(content)
    with pytest.raises(RecordError, match=message) as caught:
        write_report(study)
    assert str(study / "sw" / "record.json") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (study / "report.html").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"utterance,speaker,truth,prediction\na,b,c,d\na,b,c,d,e,f,g\n", "cannot be read"),
        (b"utterance,truth\na,b\n", "no column speaker, prediction"),
    ],
)
def test_predictions_that_cannot_be_read_are_named_in_one_line(study, content, message):
    (study / "sw" / "predictions.csv").write_bytes(content)
    with pytest.raises(RecordError, match=message) as caught:
        write_report(study)
    assert "predictions.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
