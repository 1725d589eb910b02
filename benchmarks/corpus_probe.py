"""Does a network hear which corpus a recording is from, by its level, length or bandwidth?

python -m benchmarks.corpus_probe --page docs/recognisers.md

A logistic regression is asked to name the corpus of recordings of speakers whom it has not heard, once by what the
recordings have, and once by what the log-mel front leaves of it.
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from rich.progress import MofNCompleteColumn, TimeRemainingColumn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

from hamiltone.audio import AudioError, cut_frames
from hamiltone.corpora import Utterances, segments_of
from hamiltone.errors import HamiltoneError
from hamiltone.measures import summarise
from hamiltone.progress import Bars
from hamiltone.speech import LogMel, sounding_columns

from .pages import markdown_table, put_between
from .recognisers import Places, fold_dataset, read_protocols

BEGIN, END = "<!-- corpora told apart -->", "<!-- end of the corpora -->"
PAGE = Path(__file__).parents[1] / "docs" / "recognisers.md"
HIGHEST = 8  # of 64 bands: those about 5.7 kHz and above
FOLDS, BINS = 5, 10

Values = Float[np.ndarray, " value"]


@torch.no_grad()
def measured(waveform: Float32[np.ndarray, " sample"], front: LogMel) -> dict[str, Values]:
    """What might tell where a recording is from, by name: of the recording itself, and of its first frame's bands."""
    features = front(torch.from_numpy(cut_frames(waveform)[:1]))
    bands = features[0, 0, sounding_columns(features)[0]].double().numpy()
    return {
        "level of the recording": np.array([10 * np.log10(np.square(waveform, dtype=np.float64).mean())]),
        "length of the recording": np.array([float(len(waveform))]),
        "length of the speech, of the front": np.array([float(len(bands))]),
        "the highest bands (5.7 kHz and above), of the front": np.array([bands[:, -HIGHEST:].mean()]),
        "mean of each band, of the front": bands.mean(0),
        "mean and deviation of each band, of the front": np.concatenate([bands.mean(0), bands.std(0)]),
    }


def told_apart(values: Float[np.ndarray, "clip value"], corpora: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """The corpus of each clip as a logistic regression names it that has not heard the speaker; classes count alike.

    A single value is cut into ten bins first, so that any part of its range may mean any corpus.
    """
    several = values.shape[1] > 1
    scale = StandardScaler() if several else KBinsDiscretizer(BINS, strategy="quantile", quantile_method="linear")
    machine = make_pipeline(scale, LogisticRegression(class_weight="balanced", max_iter=2000))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Bins whose width are too small")  # many values alike share a bin
        return np.asarray(cross_val_predict(machine, values, corpora, groups=speakers, cv=GroupKFold(FOLDS)))


def probed(utterances: Utterances, report: Callable[[int, int], None]) -> list[tuple[str, Mapping[str, object]]]:
    """For each quantity how well it tells the corpora apart: the mean recall with its interval over speakers."""
    front = LogMel()
    rows, kept = [], []
    for place, segment in enumerate(segments_of(utterances)):
        report(place + 1, len(utterances))
        try:
            rows.append(measured(segment.load(), front))
        except AudioError:
            continue  # a silent one has nothing to tell
        kept.append(place)
    table = utterances.table.iloc[kept]
    corpora = table["utterance"].str.partition("/")[0].to_numpy(dtype=object)
    speakers = table["speaker"].to_numpy(dtype=object)
    labels = sorted(set(corpora))
    found = []
    for name in rows[0]:
        named = told_apart(np.stack([row[name] for row in rows]), corpora, speakers)
        found.append((name, summarise(corpora, named, speakers, labels)["uar"]))
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure, and put the table into the page; a mistake is one line and exit code 1."""
    parser = argparse.ArgumentParser("python -m benchmarks.corpus_probe", description="What tells the corpora apart.")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that the table goes into")
    asked = parser.parse_args(arguments)
    try:
        protocols = Places().protocols
        dataset = fold_dataset(read_protocols(protocols)["eight"], protocols, 0)
        with Bars(MofNCompleteColumn(), TimeRemainingColumn()) as bars:
            task = bars.progress.add_task("recordings", total=None)
            found = probed(
                dataset.utterances, lambda done, total: bars.progress.update(task, completed=done, total=total)
            )
        put_between(asked.page, BEGIN, END, told(dataset.utterances, found))
    except HamiltoneError as error:
        sys.exit(str(error))


def told(utterances: Utterances, found: list[tuple[str, Mapping[str, object]]]) -> str:
    """The table in Markdown."""
    rows = [[name, f"{uar['value']:.3f} [{uar['low']:.3f}, {uar['high']:.3f}]"] for name, uar in found]
    table = markdown_table(["what is known of a recording", "UAR of the corpus"], rows)
    speakers = utterances.table["speaker"].nunique()
    corpora = utterances.table["utterance"].str.partition("/")[0].nunique()
    by_chance = f"one of {corpora} corpora by chance: {1 / corpora:.3f}"
    return f"\n{len(utterances)} recordings of {speakers} speakers; {by_chance}.\n\n{table}"


if __name__ == "__main__":
    main()
