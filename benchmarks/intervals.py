"""Simulation of intervals: how often each kind holds the true value, ``python -m benchmarks.intervals``.

Speakers are drawn, then their clips: a speaker's chance of being recognised is beta distributed about the recall of
each class, high or low for all classes alike, so that clips of one speaker go together. True values are the measures of
the expected confusion matrix.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track
from scipy import stats

from hamiltone.errors import HamiltoneError
from hamiltone.measures import (
    ConfusionMeasure,
    Interval,
    PairedClips,
    macro_f1_from_confusion,
    mean_paired_interval,
    paired_interval,
    speaker_interval,
)
from hamiltone.measures import unweighted_average_recall_from_confusion as uar_from_confusion

from .pages import markdown_table, put_between

PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
BEGIN, END = "<!-- table of the intervals -->", "<!-- end of the table -->"
SPEAKERS = (6, 8, 12, 18)
CLASSES, RESAMPLES, CONFIDENCE = 4, 500, 0.95
SPREAD = np.array([-0.09, -0.03, 0.03, 0.09])
CONCENTRATION = 12.0
"""Of the beta distribution: speakers' recalls deviate by 0.14 about 0.6."""
ALIKE = 0.6
"""Correlation between what a speaker is to the method and what to the baseline."""
KINDS = ("percentile bootstrap", "t, bootstrap's error", "t, jackknife (here)")


@dataclass(frozen=True)
class Simulated:
    """Clips of some speakers, and answers of a method and its baseline: classes are numbers."""

    truth: np.ndarray
    answers: tuple[np.ndarray, np.ndarray]
    speakers: np.ndarray

    def counts(self, answer: int) -> np.ndarray:
        """The speakers' confusion matrices."""
        counts = np.zeros((self.speakers.max() + 1, CLASSES, CLASSES), dtype=np.int64)
        np.add.at(counts, (self.speakers, self.truth, self.answers[answer]), 1)
        return counts


@dataclass(frozen=True)
class Case:
    """What an interval is asked for: ``compared`` is a method less its baseline, a mean over ``corpora`` corpora."""

    title: str
    measure: ConfusionMeasure
    recalls: tuple[float, float]
    compared: bool = False
    corpora: int = 1


CASES = (
    Case("UAR, 0.60", uar_from_confusion, (0.65, 0.6)),
    Case("UAR, 0.90", uar_from_confusion, (0.9, 0.9)),
    Case("macro F1, 0.60", macro_f1_from_confusion, (0.65, 0.6)),
    Case("paired difference of UAR, +0.05", uar_from_confusion, (0.65, 0.6), compared=True),
    Case("mean of it over two corpora, +0.05", uar_from_confusion, (0.65, 0.6), compared=True, corpora=2),
)


def simulated(generator: np.random.Generator, speakers: int, recalls: tuple[float, float]) -> Simulated:
    """Clips of new speakers, two and more of each class, and the answers to them."""
    clips = 2 + generator.poisson(6, (speakers, CLASSES))
    who, truth = (np.repeat(index.ravel(), clips.ravel()) for index in np.indices(clips.shape))
    normal = generator.multivariate_normal([0, 0], [[1, ALIKE], [ALIKE, 1]], speakers).T
    answers = []
    for recall, place in zip(recalls, stats.norm.cdf(normal), strict=True):
        mean = recall + SPREAD
        chance = stats.beta.ppf(place[:, None], CONCENTRATION * mean, CONCENTRATION * (1 - mean))
        wrong = (truth + generator.integers(1, CLASSES, len(truth))) % CLASSES
        answers.append(np.where(generator.random(len(truth)) < chance[who, truth], truth, wrong))
    return Simulated(truth, (answers[0], answers[1]), who)


def true_value(case: Case) -> float:
    """The measure, or its difference, for infinitely many speakers."""
    expected = []
    for recall in case.recalls:
        wrong = (1 - recall - SPREAD) / (CLASSES - 1)
        shares = np.diag(recall + SPREAD - wrong) + wrong[:, None]
        expected.append(np.rint(10**6 * shares).astype(np.int64))
    method, baseline = (float(case.measure(matrix)) for matrix in expected)
    return method - baseline if case.compared else baseline


def intervals(generator: np.random.Generator, case: Case, speakers: int) -> dict[str, Interval]:
    """An interval of each kind from one set of data."""
    data = [simulated(generator, speakers, case.recalls) for _ in range(case.corpora)]
    here = _of_the_package(case, data)
    values = np.mean([_resampled(generator, case, one) for one in data], axis=0)
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    error = values.std(ddof=1) * np.sqrt(speakers / (speakers - 1))
    half = stats.t.ppf((1 + CONFIDENCE) / 2, case.corpora * (speakers - 1)) * error
    least = -1.0 if case.compared else 0.0
    bounds = [(low, high), (max(here.estimate - half, least), min(here.estimate + half, 1.0))]
    drawn = [Interval(here.estimate, float(low), float(high), speakers) for low, high in bounds]
    return dict(zip(KINDS, [*drawn, here], strict=True))


def _of_the_package(case: Case, data: Sequence[Simulated]) -> Interval:
    comparisons = [PairedClips(one.truth, *one.answers, one.speakers, str(place)) for place, one in enumerate(data)]
    if case.corpora > 1:
        return mean_paired_interval(case.measure, comparisons, confidence=CONFIDENCE)
    (one,) = data
    if case.compared:
        return paired_interval(case.measure, one.truth, *one.answers, one.speakers, confidence=CONFIDENCE)
    return speaker_interval(case.measure, one.truth, one.answers[1], one.speakers, confidence=CONFIDENCE)


def _resampled(generator: np.random.Generator, case: Case, data: Simulated) -> np.ndarray:
    """The measure, or its difference, of speakers drawn with replacement."""
    speakers = data.speakers.max() + 1
    drawn = generator.multinomial(speakers, np.full(speakers, 1 / speakers), RESAMPLES)
    values = [case.measure(np.tensordot(drawn, data.counts(answer), 1)) for answer in (0, 1)]
    return values[0] - values[1] if case.compared else values[1]


def coverage(case: Case, speakers: int, trials: int) -> dict[str, tuple[float, float]]:
    """How often each kind holds the true value, as a share, and how wide it is on average."""
    generator, value = np.random.default_rng([speakers, CASES.index(case)]), true_value(case)
    bounds = {kind: np.empty((trials, 2)) for kind in KINDS}
    for trial in range(trials):
        for kind, interval in intervals(generator, case, speakers).items():
            bounds[kind][trial] = interval.low, interval.high
    return {
        kind: (float(np.mean((low <= value) & (value <= high))), float(np.mean(high - low)))
        for kind, (low, high) in ((kind, both.T) for kind, both in bounds.items())
    }


def table(trials: int) -> str:
    """The table of the page."""
    places = [(case, speakers) for case in CASES for speakers in SPEAKERS]
    found = {place: coverage(*place, trials) for place in track(places, "simulating")}
    told = f"\n{trials:,} simulated sets of data a cell: coverage in percent, mean width in brackets.\n\n"
    columns = ["value", "95 % interval", *(f"{speakers} speakers" for speakers in SPEAKERS)]
    return told + markdown_table(columns, _rows(found), left=2) + "\n"


def _rows(found: Mapping[tuple[Case, int], Mapping[str, tuple[float, float]]]) -> Iterator[list[str]]:
    for case in CASES:
        for kind in KINDS:
            cells = [found[case, speakers][kind] for speakers in SPEAKERS]
            yield [case.title, kind, *(f"{100 * share:.1f} ({width:.2f})" for share, width in cells)]


def main(arguments: list[str] | None = None) -> None:
    """Put the table into the page; a mistake is one line and exit code 1."""
    parser = argparse.ArgumentParser("python -m benchmarks.intervals", description="Simulate intervals over speakers.")
    parser.add_argument("--trials", type=int, default=2000, help="sets of data a cell")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that the table goes into")
    asked = parser.parse_args(arguments)
    try:
        put_between(asked.page, BEGIN, END, table(asked.trials))
    except HamiltoneError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
