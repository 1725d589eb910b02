"""Word segments of LibriSpeech from alignments in both public forms."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamiltone.corpora import CorpusError, Utterances, WordSettings, load_corpus
from hamiltone.corpora.words import Alignments, Word

CHAPTER = "LibriSpeech/test-mine/84/121123"
CONDENSED = (
    '84-121123-0000 ",GO,,DO,YOU,HEAR," "0.490,0.890,1.000,1.270,1.380,1.890,2.090"\n'
    '84-121123-0001 ",DON\'T,GO," "0.1,0.4,0.9,1.0"\n'
)
EXPECTED = [
    ("84-121123-0000-000", 0.49, 0.89, "go"),
    ("84-121123-0000-001", 1.0, 1.27, "do"),
    ("84-121123-0000-002", 1.27, 1.38, "you"),
    ("84-121123-0000-003", 1.38, 1.89, "hear"),
    ("84-121123-0001-000", 0.1, 0.4, "don't"),
    ("84-121123-0001-001", 0.4, 0.9, "go"),
]
Intervals = list[tuple[float, float, str]]
FIRST: Intervals = [
    (0.0, 0.49, ""),
    (0.49, 0.89, "go"),
    (0.89, 1.0, "sil"),
    (1.0, 1.27, "do"),
    (1.27, 1.38, "you"),
    (1.38, 1.89, "hear"),
    (1.89, 2.09, "<unk>"),
]
SECOND: Intervals = [(0.0, 0.1, ""), (0.1, 0.4, "don't"), (0.4, 0.9, "go"), (0.9, 1.0, "")]


def recordings(root: Path, numbers: int = 2, chapter: str = CHAPTER) -> Path:
    folder = root / chapter
    folder.mkdir(parents=True)
    name = "-".join(folder.parts[-2:])
    for number in range(numbers):
        (folder / f"{name}-{number:04}.flac").touch()
    lines = "".join(f"{name}-{number:04} SOMETHING\n" for number in range(numbers))
    (folder / f"{name}.trans.txt").write_text(lines, encoding="utf-8")
    return folder


def write(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding=encoding)
    return path


def textgrid(words: Intervals, tier: str = "words", short: bool = False, phones_first: bool = False) -> str:
    """Both of Praat's text forms; beside the words a tier of phones and one of points."""
    quote = {start: text.replace('"', '""') for start, _, text in words}
    end = words[-1][1]
    tiers = [("IntervalTier", tier), ("IntervalTier", "phones"), ("TextTier", "marks")]
    if phones_first:
        tiers = tiers[::-1]
    if short:
        lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", str(end), "<exists>", "3"]
        for kind, name in tiers:
            lines += [f'"{kind}"', f'"{name}"', "0", str(end)]
            lines += ["1", "0.5", '"a mark"'] if kind == "TextTier" else [str(len(words))]
            if kind == "IntervalTier":
                for start, stop, _ in words:
                    lines += [str(start), str(stop), f'"{quote[start] if name == tier else "AH0"}"']
        return "\n".join(lines)
    text = f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0.0 \nxmax = {end} \ntiers? <exists> \n'
    text += "size = 3 \nitem []: \n"
    for number, (kind, name) in enumerate(tiers, start=1):
        text += f'    item [{number}]:\n        class = "{kind}"\n        name = "{name}"\n'
        text += f"        xmin = 0.0\n        xmax = {end}\n"
        if kind == "TextTier":
            text += "        points: size = 1\n        points [1]:\n"
            text += '            number = 0.5\n            mark = "2 marks"\n'
            continue
        text += f"        intervals: size = {len(words)}\n"
        for place, (start, stop, _) in enumerate(words, start=1):
            label = quote[start] if name == tier else "AH0"
            text += f"        intervals [{place}]:\n            xmin = {start}\n            xmax = {stop}\n"
            text += f'            text = "{label}"\n'
    return text


def segments(utterances: Utterances) -> list[tuple[str, float, float, str]]:
    return list(utterances.table[["utterance", "start", "end", "word"]].itertuples(index=False, name=None))


@pytest.mark.parametrize("place", [CHAPTER, "alignments/test-mine/84/121123", "LibriSpeech/alignments"])
def test_condensed_alignments(tmp_path: Path, place: str):
    folder = recordings(tmp_path)
    write(tmp_path / place / "84-121123.alignment.txt", CONDENSED + '84-121123-0009 "A," "0.1,0.2"\n\n')
    utterances = load_corpus("librispeech-words", tmp_path)
    assert segments(utterances) == EXPECTED
    table = utterances.table
    assert list(table["text"]) == list(table["word"])
    assert set(table["speaker"]) == {"84"} and set(table["session"]) == {"121123"}
    assert list(table["path"]) == [str(folder / f"{name[:14]}.flac") for name, *_ in EXPECTED]
    assert utterances.corpus == "librispeech-words"
    assert utterances.note == ""


@pytest.mark.parametrize("place", [CHAPTER, "alignments/test-mine/84/121123"])
@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("phones_first", [False, True])
@pytest.mark.parametrize("tier", ["words", "84 - words"])
def test_textgrids(tmp_path: Path, place: str, short: bool, phones_first: bool, tier: str):
    recordings(tmp_path)
    for number, intervals in enumerate([FIRST, SECOND]):
        content = textgrid(intervals, tier, short, phones_first)
        write(tmp_path / place / f"84-121123-000{number}.TextGrid", content)
    assert segments(load_corpus("librispeech-words", tmp_path)) == EXPECTED


def test_condensed_comes_before_textgrids_and_these_fill_its_gaps(tmp_path: Path):
    folder = recordings(tmp_path, 3)
    write(folder / "84-121123.alignment.txt", CONDENSED.splitlines()[0])
    write(folder / "84-121123-0000.TextGrid", textgrid([(0.0, 1.0, "other")]))
    write(folder / "84-121123-0001.TextGrid", textgrid(SECOND))
    utterances = load_corpus("librispeech-words", tmp_path)
    assert segments(utterances) == EXPECTED
    assert utterances.note == "1 recordings are not aligned"


def test_segments_of_more_than_170_frames_are_left_out(tmp_path: Path):
    folder = recordings(tmp_path, 1)
    times = "0.64,2.0,3.37,3.37,4.0"
    write(folder / "84-121123.alignment.txt", f'84-121123-0000 ",FITS,LONG,NOTHING,SHORT" "{times}"')
    utterances = load_corpus("librispeech-words", tmp_path)
    assert [(word, start, end) for _, start, end, word in segments(utterances)] == [
        ("fits", 0.64, 2.0),
        ("short", 3.37, 4.0),
    ]
    assert utterances.note == "1 words longer than 1.36 s left out"


def many(root: Path) -> Counter[str]:
    """Five chapters whose words have different frequencies."""
    rng = np.random.default_rng(0)
    counts: Counter[str] = Counter()
    for chapter in range(5):
        folder = recordings(root, 4, f"LibriSpeech/test-mine/84/{chapter}")
        lines = []
        for number in range(4):
            spoken = [f"W{word}" for word in np.minimum(rng.geometric(0.2, 60), 15)]
            counts.update(word.lower() for word in spoken)
            times = ",".join(f"{0.1 * place:.1f}" for place in range(1, 61))
            lines.append(f'84-{chapter}-{number:04} "{",".join(spoken)}" "{times}"\n')
        write(folder / f"84-{chapter}.alignment.txt", "".join(lines))
    return counts


def test_the_most_frequent_words_are_taken(tmp_path: Path):
    counts = many(tmp_path)
    utterances = load_corpus("librispeech-words", tmp_path, WordSettings(most=4))
    assert Counter(utterances.table["word"]) == dict(counts.most_common(4))
    assert utterances.note == f"4 most frequent of {len(counts)} words"


def test_the_number_of_segments_is_bounded_and_their_choice_fixed(tmp_path: Path):
    counts = many(tmp_path / "here")
    whole = load_corpus("librispeech-words", tmp_path / "here")
    assert (len(whole), whole.note) == (1200, "")
    choice = WordSettings(segments=600)
    drawn = load_corpus("librispeech-words", tmp_path / "here", choice)
    assert (len(drawn), drawn.note) == (600, "600 of 1200 segments drawn")
    assert set(segments(drawn)) < set(segments(whole))
    for word, count in counts.most_common(3):  # hypergeometric: within five standard deviations of its share
        deviation = np.sqrt(600 * count / 1200 * (1 - count / 1200) * (600 / 1199))
        assert abs((drawn.table["word"] == word).sum() - count / 2) < 5 * deviation
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    again = load_corpus("librispeech-words", tmp_path / "there", choice).table
    pd.testing.assert_frame_equal(again.drop(columns="path"), drawn.table.drop(columns="path"))


def test_ties_go_by_the_alphabet(tmp_path: Path):
    folder = recordings(tmp_path, 1)
    write(folder / "84-121123.alignment.txt", '84-121123-0000 "C,B,A,B" "1,2,3,4"')
    utterances = load_corpus("librispeech-words", tmp_path, WordSettings(most=2))
    assert [word for *_, word in segments(utterances)] == ["b", "a", "b"]


def test_short_words_are_left_out_before_any_is_counted(tmp_path: Path):
    folder = recordings(tmp_path, 1)
    spoken = "A,A,A,IT'S,I'D,I'D,TO,TO,TO,ONE,ONE,\u00c9T\u00c9,TWO,"  # letters: 1, 3, 2, 2, 3, 3, 3
    times = ",".join(f"{place / 10}" for place in range(1, 15))
    write(folder / "84-121123.alignment.txt", f'84-121123-0000 "{spoken}" "{times}"')
    utterances = load_corpus("librispeech-words", tmp_path, WordSettings(most=3, min_letters=3))
    assert [word for *_, word in segments(utterances)] == ["it's", "one", "one", "two"]
    assert utterances.note == "3 most frequent of 4 words; 3 words of fewer than 3 letters left out"
    with pytest.raises(CorpusError, match=r"no word below .* has 4 letters: ask for fewer"):
        load_corpus("librispeech-words", tmp_path, WordSettings(min_letters=4))


def test_a_choice_of_words_is_for_corpora_of_words(tmp_path: Path):
    with pytest.raises(CorpusError, match="synthetic: is not cut into words"):
        load_corpus("synthetic", words=WordSettings())
    with pytest.raises(ValueError, match=r"most\n.*greater than 0"):
        WordSettings(most=0)


def test_no_alignments_is_one_clear_line(tmp_path: Path, speech_data: Path):
    recordings(tmp_path)
    for root in (tmp_path, speech_data / "librispeech"):
        with pytest.raises(
            CorpusError, match=rf"librispeech-words: no alignments below {root}: expected SPEAKER-CHAPT"
        ):
            load_corpus("librispeech-words", root)
    write(tmp_path / "1-2.alignment.txt", '1-2-0000 "A," "0.1,0.2"')
    told = rf"below {tmp_path} hold no word of the 2 recordings in {tmp_path}: are they of others\?"
    with pytest.raises(CorpusError, match=told):
        load_corpus("librispeech-words", tmp_path)
    write(tmp_path / "84-121123.alignment.txt", '84-121123-0001 ",LONG" "0.1,1.7"')
    with pytest.raises(CorpusError, match=r"hold only longer words of the 2 recordings"):
        load_corpus("librispeech-words", tmp_path)


def test_a_wrong_folder_of_alignments_is_told_as_that(tmp_path: Path):
    recordings(tmp_path / "speech")
    (tmp_path / "empty").mkdir()
    write(tmp_path / "1-2.alignment.txt", '1-2-0001 ",WORD" "0.1,0.7"')
    for name, told in {
        "gone": "does not exist: name the folder of the alignments",
        "1-2.alignment.txt": "is a file, and no folder or archive: name the folder",
        "empty": "holds no alignments: expected SPEAKER-CHAPTER.alignment.txt",
    }.items():
        with pytest.raises(CorpusError, match=rf"^librispeech-words: words\.alignments: {tmp_path / name} {told}"):
            load_corpus("librispeech-words", tmp_path / "speech", WordSettings(alignments=str(tmp_path / name)))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("84-121123-0000 A,B 1,2", "line 2 is not 'UTTERANCE"),
        ('84-121123-0000 "A,B" "1,2,3"', "line 2 has 2 words but 3 times"),
        ('84-121123-0000 "A,B" "1,x"', "line 2: 'x' is no time in seconds"),
        ('84-121123-0000 "A,B" "nan,2"', "line 2: 'nan' is no time in seconds"),
        ('84-121123-0000 "A,B" "1,inf"', "line 2: 'inf' is no time"),
        ('84-121123-0000 "A,B" "-1,2"', "line 2: '-1' is no time"),
        ('84-121123-0000 "A,B" "2,1"', "line 2: the times go back from 2.0 s to 1.0 s"),
    ],
)
def test_a_damaged_condensed_alignment_is_named(tmp_path: Path, line: str, message: str):
    folder = recordings(tmp_path)
    write(folder / "84-121123.alignment.txt", f"\n{line}\n")
    with pytest.raises(CorpusError, match=message):
        load_corpus("librispeech-words", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "a text",
        textgrid(FIRST)[:900],
        textgrid(FIRST).replace("size = 3", "size = 1000000"),
        textgrid(FIRST, "speech"),
        textgrid(FIRST).replace("xmax = 0.89", "xmax = late"),
        textgrid(FIRST).replace("size = 3", "size = 3.5"),
        textgrid(FIRST).replace("size = 3", f"size = {'9' * 5000}"),
        textgrid([(0.0, 1.0, "go"), (0.5, 2.0, "do")]),
    ],
)
def test_a_damaged_textgrid_is_named(tmp_path: Path, content: str):
    folder = recordings(tmp_path)
    write(folder / "84-121123-0000.TextGrid", content)
    if "1000000" in content:  # the tier of words is whole: what comes behind it is not read
        assert segments(load_corpus("librispeech-words", tmp_path)) == EXPECTED[:4]
        return
    with pytest.raises(CorpusError, match=r"84-121123-0000\.TextGrid"):
        load_corpus("librispeech-words", tmp_path)


def test_an_alignment_that_is_no_text_is_named(tmp_path: Path):
    folder = recordings(tmp_path)
    (folder / "84-121123.alignment.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorpusError, match="is no text in UTF-8 or UTF-16"):
        load_corpus("librispeech-words", tmp_path)


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "GO", "DON'T", "ÉTÉ", "sil"]), st.integers(0, 900)), min_size=1, max_size=30
    )
)
def test_both_forms_tell_the_same(tmp_path_factory: pytest.TempPathFactory, spoken: list[tuple[str, int]]):
    ends = np.cumsum([duration for _, duration in spoken]) / 1000
    starts = [0.0, *ends[:-1].tolist()]
    intervals = [(start, float(end), word.lower()) for start, end, (word, _) in zip(starts, ends, spoken, strict=True)]
    root = tmp_path_factory.mktemp("both")
    line = f'1-2-0003 "{",".join(word for word, _ in spoken)}" "{",".join(map(str, ends.tolist()))}"'
    condensed = Alignments("x", write(root / "a" / "1-2.alignment.txt", line).parent).of("1-2-0003")
    timed = [Word(word, start, end) for start, end, word in intervals if end > start and word not in ("", "sil")]
    assert condensed == timed
    if len({start for start, *_ in intervals}) == len(intervals):
        grid = write(root / "b" / "1-2-0003.TextGrid", textgrid(intervals))
        assert Alignments("x", grid.parent).of("1-2-0003") == timed
