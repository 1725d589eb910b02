"""Recordings on the disk: the tree of a corpus, segments of recordings, content keys, identical audio."""

from ._identical_audio import audio_groups
from ._segments import Segment, recording_keys, segments_of
from ._tree import (
    AUDIO_SUFFIXES,
    absence,
    absolute,
    audio_files,
    by_name,
    corpus_folder,
    levels,
    not_this_corpus,
    read_text,
    recordings,
    subfolders,
    text_files,
)

__all__ = [
    "AUDIO_SUFFIXES",
    "Segment",
    "absence",
    "absolute",
    "audio_files",
    "audio_groups",
    "by_name",
    "corpus_folder",
    "levels",
    "not_this_corpus",
    "read_text",
    "recording_keys",
    "recordings",
    "segments_of",
    "subfolders",
    "text_files",
]
