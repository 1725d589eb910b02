"""Fewer speakers to learn from, for learning curves."""

from dataclasses import replace

import numpy as np

from ..utterances import CorpusError, Utterances
from ._assignment import speakers_of
from ._split import Split


def with_fewer_speakers(utterances: Utterances, split: Split, speakers: int) -> tuple[Utterances, Split]:
    """Leave only some speakers in the training part; validation and test stay as they are.

    The speakers are drawn by the split's seed and fold, one after the other: those of a smaller number are among those
    of a larger one, so that a learning curve adds speakers and takes none away.

    Args:
        utterances: all that the split divides.
        split: of them.
        speakers: how many are left.

    Returns:
        The utterances that are left, and their split; its ``scheme`` says of how many speakers it learns.

    Raises:
        CorpusError: an utterance without speaker, or fewer speakers in the training part than asked for.
    """
    speakers_of(utterances)
    training = split.apply(utterances)["train"]
    names = training.labels("speaker")
    if speakers > len(names):
        raise CorpusError(
            f"{utterances.corpus}: split.training_speakers is {speakers}, but the training part has {len(names)} "
            "speakers: ask for as many at most"
        )
    drawn = np.random.default_rng([split.seed, split.fold or 0]).permutation(len(names))[:speakers]
    kept = {names[number] for number in drawn}
    left_out = training.table.loc[~training.table["speaker"].isin(sorted(kept)), "utterance"]
    fewer = replace(split.without(left_out), scheme=f"{split.scheme or split.kind}, {speakers} speakers train")
    return utterances.select(~utterances.table["utterance"].isin(left_out).to_numpy()), fewer
