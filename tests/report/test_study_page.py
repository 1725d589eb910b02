"""The page of a study, and the files beside it."""

import re
import shutil
from html.parser import HTMLParser

from hamiltone.records import Failure
from hamiltone.report import protocol_lines, write_report

FILES = {
    "table1.md",
    "table1.csv",
    "table1.tex",
    "resources.md",
    "resources.csv",
    "figure2.svg",
    "figure2.png",
    "layers.md",
    "probes.md",
}
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Every element is closed in order; identifiers, references and text are kept."""

    def __init__(self, text):
        super().__init__()
        self.open, self.identifiers, self.references, self.headings, self.svgs = [], [], set(), [], 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        found = dict(attrs)
        self.svgs += tag == "svg"
        self.identifiers += [found["id"]] if "id" in found else []
        self.references |= {found["href"]} if "href" in found else set()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def test_the_page_leads_with_the_study_and_is_whole(made_page):
    text = made_page.read_text(encoding="utf-8")
    parsed = Page(text)
    assert parsed.headings == [
        "Table 1",
        "Figure 2: what anti-transfer changes, layer by layer",
        "AT layers by validation",
        "Resources",
        "What can still be read from the features",
        "Confusion matrices of Table 1",
        "Pre-trained networks",
        "Training of the selected runs",
        "All other recognisers",
        "Clips that every method gets wrong",
        "Notes",
        "Provenance",
    ]
    plain = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "9 runs planned: 5 done, 1 failed, 2 skipped (resting on a failed one), 1 not run yet." in plain
    assert "word (failed): the loss is not a number in epoch 3: lower the learning rate" in plain
    assert "quaternion, single W, layer 2 (skipped): rests on word, which failed" in plain
    assert len(parsed.identifiers) == len(set(parsed.identifiers))
    assert parsed.references <= {f"#{name}" for name in parsed.identifiers}
    assert "#source-figure-2" in parsed.references
    assert "http" not in text
    # Figure 2, probes; curves of the two selected runs (two and three panels) and of RH-Emo (three).
    assert parsed.svgs == 1 + 1 + (2 + 3) + 3
    assert text.count('<figure class="matrix scroll"') == 2


def test_the_selected_runs_have_curves_and_the_others_a_line(made_page):
    text = made_page.read_text(encoding="utf-8")
    assert "Loss: quaternion, single S, layer 2<" in text
    assert "Loss: quaternion, single S, layer 9<" not in text
    others = text[text.index("All other recognisers") :]
    for label in ("quaternion, single S, layer 9", "quaternion, no AT, again 1", "quaternion, dual SW, layer 2"):
        assert label in others


def test_provenance_names_the_plan_the_command_and_the_runs(made_page):
    text = made_page.read_text(encoding="utf-8")
    provenance = " ".join(re.sub(r"<[^>]+>", " ", text[text.index("<h2>Provenance") :]).split())
    assert "studies/small.json" in provenance
    assert "hamiltone study run configs/study/small.toml" in provenance
    for name in ("Table 1 and the confusion matrices 2 runs", "Figure 2 3 runs", "Resources 4 runs", "Probes 2 runs"):
        assert name in provenance
    assert "settings cdcdcdcdcdcd" in provenance
    protocol = "split: speaker-independent, not text-independent: of 8 test speakers, 0 in training."
    assert protocol in provenance
    assert [f"{line}." for line in protocol_lines(made_page.parent)] == [f"ravdess, actor {protocol}"]
    assert protocol in (made_page.parent / "table1.md").read_text(encoding="utf-8")


def test_the_files_lie_beside_the_page_and_are_the_same_again(made_page, tmp_path):
    assert {path.name for path in made_page.parent.iterdir() if path.is_file()} == FILES | {"report.html"}
    copy = shutil.copytree(made_page.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("*.html", *FILES))
    again = write_report(copy, tmp_path / "elsewhere" / "page.html")
    assert {path.name for path in copy.iterdir() if path.is_file()} == set()
    assert again.read_bytes() == made_page.read_bytes()
    for name in FILES:
        assert (again.parent / name).read_bytes() == (made_page.parent / name).read_bytes()
    markdown = (made_page.parent / "table1.md").read_text(encoding="utf-8")
    assert "| quaternion | single S" in " ".join(markdown.split())
    assert "Up to 2 runs went side by side" in (made_page.parent / "resources.md").read_text(encoding="utf-8")


def test_a_synthetic_corpus_is_said_at_the_top(made):
    made.recogniser(corpus="synthetic", epochs=0)
    text = write_report(made.write()).read_text(encoding="utf-8")
    assert "Every recording behind this page was spoken by a machine" in text


def test_a_study_with_any_front_is_reported(made):
    made.recogniser(network="small", front="derivatives", epochs=0)
    made.recogniser("single S", 3, network="small", front="derivatives", epochs=0)
    text = write_report(made.write()).read_text(encoding="utf-8")
    assert "small, single S" in text
    assert "small, no AT, layer" not in text


def test_names_from_outside_are_text_and_nothing_else(made):
    nasty = "<script>alert('x')</script>&$x"
    made.recogniser(corpus=nasty, network=nasty)
    made.recogniser("single S", 2, corpus=nasty, network=nasty)
    made.recogniser(
        "single W", 2, corpus=nasty, network=nasty, state="failed", failure=Failure(reason=nasty, command=nasty)
    )
    text = write_report(made.write()).read_text(encoding="utf-8")
    Page(text)
    assert "<script" not in text
