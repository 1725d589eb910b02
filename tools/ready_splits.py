"""Makes the lists of speakers that come with the package: ``python tools/ready_splits.py FOLDER``.

All of them follow from the speakers' names alone, but for the benchmark EmoBox's, which are copied from its files, and
TESS's, which follows from its words, too.
"""

import sys
from pathlib import Path

import numpy as np

from hamiltone.corpora import PARTS, SpeakerLists
from hamiltone.corpora.splits import speaker_counts

FRACTIONS = (0.7, 0.2, 0.1)
SPEAKERS = {
    "crema_d": [str(number) for number in range(1001, 1092)],
    "emodb": ["03", "08", "09", "10", "11", "12", "13", "14", "15", "16"],
    "iemocap": [f"Ses0{session}{who}" for session in range(1, 6) for who in "FM"],
    "ravdess": [f"{number:02}" for number in range(1, 25)],
}
EMODB_WOMEN = ("08", "09", "13", "14", "16")
EMOBOX_RAVDESS = (
    ("01", "11", "20", "21"),
    ("04", "10", "12", "14"),
    ("08", "09", "19", "23"),
    ("03", "05", "07", "24"),
    ("02", "15", "16", "18"),
    ("06", "13", "17", "22"),
)
TESS_WORDS = """
back bar base bath bean beg bite boat bone book bought burn cab calm came cause chain chair chalk chat check cheek
chief choice cool dab date dead death deep dime dip ditch dodge dog doll door fail fall far fat fit five food gap
gas gaze germ get gin goal good goose gun half hall hash hate have haze hire hit hole home hurl hush jail jar join
judge jug juice keen keep keg kick kill king kite knock late laud lean learn lease lid life limb live loaf long lore
lose lot love luck make match merge mess met mill mob mode mood moon mop mouse nag name near neat nice note numb pad
page pain pass pearl peg perch phone pick pike pole pool puff rag raid rain raise rat reach read red ring ripe road
room rose rot rough rush said sail search seize sell shack shall shawl sheep shirt should shout size soap soup sour
south sub such sure take talk tape team tell thin third thought thumb time tip tire ton tool tough turn vine voice
void vote wag walk wash week wheat when which whip white wife wire witch yearn yes young youth
"""
"""The 200 words of the Northwestern University Auditory Test No. 6, which both actors say."""


def paper(corpus: str) -> SpeakerLists:
    """The paper's fractions by speaker, as ``split_by_speaker`` deals the whole corpus with seed 0."""
    speakers = SPEAKERS[corpus]
    shuffled = [speakers[place] for place in np.random.default_rng(0).permutation(len(speakers))]
    ends = np.cumsum(speaker_counts(len(speakers), FRACTIONS))
    lists = (sorted(map(str, part)) for part in np.split(shuffled, ends[:-1]))
    about = "70 % of the speakers train, 20 % validate, 10 % test: the actor split of the whole corpus with seed 0"
    return SpeakerLists(
        corpus, "70-20-10", about, parts={part: tuple(speakers) for part, speakers in zip(PARTS, lists, strict=True)}
    )


def balanced_ravdess() -> SpeakerLists:
    """Men in order to folds 0 to 5 and on from 0; women in order from fold 5 down to 0, and again from 5."""
    men, women = SPEAKERS["ravdess"][::2], SPEAKERS["ravdess"][1::2]
    folds = [sorted([*men[fold::6], *women[5 - fold :: 6]]) for fold in range(6)]
    about = (
        "6 folds of two men and two women: men (odd numbers) in order to folds 0 to 5 and again, women in order from "
        "fold 5 down to 0 and again, so that the first 18 actors make 6 folds of three"
    )
    return SpeakerLists("ravdess", "balanced", about, folds=tuple(map(tuple, folds)))


def balanced_emodb() -> SpeakerLists:
    """One man and one woman each, in order."""
    women = EMODB_WOMEN
    men = [speaker for speaker in SPEAKERS["emodb"] if speaker not in women]
    about = "5 folds of one man and one woman, both in the order of their numbers"
    return SpeakerLists("emodb", "balanced", about, folds=tuple(map(tuple, map(sorted, zip(men, women, strict=True)))))


def balanced_iemocap() -> SpeakerLists:
    """The five sessions, each of one man and one woman."""
    speakers = SPEAKERS["iemocap"]
    about = "5 folds of one man and one woman: the sessions"
    return SpeakerLists("iemocap", "balanced", about, folds=tuple(zip(speakers[::2], speakers[1::2], strict=True)))


def balanced_together() -> SpeakerLists:
    """RAVDESS, EmoDB and TESS as one corpus: what the weights that come with the package were trained with."""
    pairs = balanced_emodb().folds
    emodb = [*pairs[:4], *((speaker,) for speaker in pairs[4])]
    tess = [(), (), (), (), ("OAF",), ("YAF",)]
    folds = [
        tuple(f"{corpus}/{name}" for corpus, names in (("ravdess", r), ("emodb", e), ("tess", t)) for name in names)
        for r, e, t in zip(balanced_ravdess().folds, emodb, tess, strict=True)
    ]
    about = (
        "6 folds: RAVDESS' balanced ones; EmoDB's pairs of a man and a woman in folds 0 to 3, its last man in fold 4 "
        "and its last woman in fold 5; TESS' older speaker in fold 4, the younger one in fold 5"
    )
    return SpeakerLists("ravdess+emodb+tess", "balanced", about, folds=tuple(folds))


def emobox_ravdess() -> SpeakerLists:
    """The benchmark EmoBox's test folds."""
    about = (
        "the test speakers of the six folds of EmoBox (Ma et al., EmoBox: Multilingual Multi-corpus Speech Emotion "
        "Recognition Toolkit and Benchmark, Interspeech 2024), from github.com/emo-box/EmoBox, "
        "data/ravdess/fold_1 to fold_6; EmoBox has no validation part by speaker: here the next fold validates"
    )
    return SpeakerLists("ravdess", "emobox", about, folds=EMOBOX_RAVDESS)


def halved_tess() -> SpeakerLists:
    """The paper's case of two speakers: one trains, and of the other half of the recordings validates."""
    about = (
        "one of the two speakers trains; of the other, 100 of the 200 words validate (in alphabetical order every "
        "second one, from the first) and the others test, each with all emotions"
    )
    folds = (("OAF",), ("YAF",))
    return SpeakerLists("tess", "halved", about, folds=folds, validation_words=tuple(sorted(TESS_WORDS.split())[::2]))


def write(folder: Path) -> None:
    """Write every list into a folder."""
    together = balanced_together()
    lists = [balanced_ravdess(), balanced_emodb(), balanced_iemocap(), together, emobox_ravdess(), halved_tess()]
    for made in [*lists, *map(paper, SPEAKERS)]:
        made.write(folder / f"{made.corpus}-{made.name}.json")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
