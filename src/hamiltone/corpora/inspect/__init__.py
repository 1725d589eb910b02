"""Inspection of corpora and splits: against what is published, by ear, and for leaks of audio, people and texts."""

from ._audit import Audit, Pair, audit
from ._check import KINDS, LONGEST_SECONDS, CorpusCheck, Count, Problem, check_corpus
from ._copies import compare, correlation
from ._fingerprints import Fingerprints, fingerprint
from ._listening import clipped_samples

__all__ = [
    "KINDS",
    "LONGEST_SECONDS",
    "Audit",
    "CorpusCheck",
    "Count",
    "Fingerprints",
    "Pair",
    "Problem",
    "audit",
    "check_corpus",
    "clipped_samples",
    "compare",
    "correlation",
    "fingerprint",
]
