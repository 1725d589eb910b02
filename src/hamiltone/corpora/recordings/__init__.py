"""Recordings on the disk: the tree of a corpus, segments of recordings, content keys, identical audio."""

from ._identical_audio import audio_groups
from ._segments import Segment, recording_keys, segments_of
from ._tree import (
    absence,
    absolute_path,
    audio_files,
    corpus_folder,
    find_recordings,
    folder_levels,
    name_text,
    not_this_corpus,
    passed_over,
    read_text,
    recordings_with_names,
    subfolders,
    text_files,
)

__all__ = [
    "Segment",
    "absence",
    "absolute_path",
    "audio_files",
    "audio_groups",
    "corpus_folder",
    "find_recordings",
    "folder_levels",
    "name_text",
    "not_this_corpus",
    "passed_over",
    "read_text",
    "recording_keys",
    "recordings_with_names",
    "segments_of",
    "subfolders",
    "text_files",
]
