"""Splits of a corpus: by recording and by speaker, folds, lists of speakers, and the protocol that a split is."""

from hamiltone.corpus_settings import SplitKind, SplitSettings

from ._classes import class_remarks, split_remarks
from ._fewer_speakers import with_fewer_speakers
from ._folds import column_problems, leave_one_speaker_out, split_by_column, split_stratified
from ._making import split_utterances
from ._protocol import Protocol, protocol_of
from ._random import speaker_counts, split_by_speaker, split_random
from ._speaker_lists import SpeakerLists, load_split, ready_lists, ready_splits
from ._split import PARTS, Split, read_split

__all__ = [
    "PARTS",
    "Protocol",
    "SpeakerLists",
    "Split",
    "SplitKind",
    "SplitSettings",
    "class_remarks",
    "column_problems",
    "leave_one_speaker_out",
    "load_split",
    "protocol_of",
    "read_split",
    "ready_lists",
    "ready_splits",
    "speaker_counts",
    "split_by_column",
    "split_by_speaker",
    "split_random",
    "split_remarks",
    "split_stratified",
    "split_utterances",
    "with_fewer_speakers",
]
