"""Words in recordings: forced alignment, the files of alignments, and corpora of single words."""

from hamiltone.corpus_settings import WordSettings

from ._alignment import WordAlignment, align_words
from ._alignment_files import Alignments, Word, condensed_lines
from ._forced_aligner import Aligner, NotAligned, known_form, spoken_words
from ._pronunciation import pronunciations, to_phones
from ._word_segments import WORDS, word_segments

__all__ = [
    "WORDS",
    "Aligner",
    "Alignments",
    "NotAligned",
    "Word",
    "WordAlignment",
    "WordSettings",
    "align_words",
    "condensed_lines",
    "known_form",
    "pronunciations",
    "spoken_words",
    "to_phones",
    "word_segments",
]
