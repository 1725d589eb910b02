"""Where corpora come from: archives with known checksums, licences, and whom to ask for the others.

Every checksum is one that somebody else has published; the comment beside it says where.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from ._utterances import CorpusError


@dataclass(frozen=True)
class Archive:
    """One file to fetch.

    Attributes:
        part: the name that users call it by.
        url: where it lies.
        checksum: algorithm and hexadecimal digest, as pooch writes them.
        size: bytes; None where nobody has published it.
        growth: at most so many times as large it is when unpacked.
        inside: what is taken of it, as a path within it; "" is all.
        place: where that comes to lie, as a path within the corpus' folder; "" is the folder itself.
        file: its name, where that is not the last part of ``url``.
    """

    part: str
    url: str
    checksum: str
    size: int | None
    growth: float
    inside: str = ""
    place: str = ""
    file: str = ""

    @property
    def name(self) -> str:
        """The file's name; no other archive's is the same."""
        return self.file or PurePosixPath(self.url).name

    def address(self, mirror: str | None = None) -> str:
        """Where it is fetched from: below a mirror's address by its name, or else where it lies."""
        return self.url if mirror is None else f"{mirror.rstrip('/')}/{self.name}"


@dataclass(frozen=True)
class Source:
    """A corpus that anyone may fetch who accepts its licence.

    Attributes:
        title: its full name.
        licence: what the licence is called, and what it asks.
        page: where licence and corpus are described.
        archives: its parts.
        default: the parts that are fetched when none is named.
    """

    title: str
    licence: str
    page: str
    archives: tuple[Archive, ...]
    default: tuple[str, ...]

    def chosen(self, corpus: str, parts: tuple[str, ...]) -> list[Archive]:
        """The archives of some parts; of the default ones when none is named.

        Raises:
            CorpusError: an unknown part.
        """
        by_part = {archive.part: archive for archive in self.archives}
        if unknown := [part for part in parts if part not in by_part]:
            raise CorpusError(f"{corpus}: has no part {unknown[0]!r}: there are {', '.join(by_part)}")
        return [by_part[part] for part in dict.fromkeys(parts or self.default)]


def _librispeech(split: str, size: int, sha256: str) -> Archive:
    # Sizes and checksums: torchaudio (datasets/librispeech.py) and TensorFlow Datasets (url_checksums/librispeech.txt).
    return Archive(
        split,
        f"https://www.openslr.org/resources/12/{split}.tar.gz",
        f"sha256:{sha256}",
        size,
        1.2,
        inside=f"LibriSpeech/{split}",
        place=f"LibriSpeech/{split}",
    )


SOURCES: dict[str, Source] = {
    "emodb": Source(
        "EmoDB, the Berlin database of emotional speech, 1.3.0 (audEERING's edition of the 535 recordings)",
        "CC BY 4.0 by its record, CC0 1.0 by the file in it: name the source when you publish",
        "https://zenodo.org/records/7447302",
        (
            Archive(
                "all",
                "https://zenodo.org/records/7447302/files/emodb.zip",
                # The record's own checksum and size, as programs that fetch it have them.
                "md5:9d21362dbc5676ef3ab4745d83ced0db",
                39_981_818,
                3.0,
            ),
        ),
        ("all",),
    ),
    "fsdd": Source(
        "FSDD, the Free Spoken Digit Dataset, 1.0.9 (2,500 recordings of 5 speakers)",
        "CC BY-SA 4.0: name the source, share what you derive alike",
        "https://github.com/Jakobovski/free-spoken-digit-dataset",
        (
            Archive(
                "v1.0.9",
                "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/v1.0.9.tar.gz",
                # TensorFlow Datasets: datasets/spoken_digit/checksums.tsv.
                "sha256:8bc44cde129d505cbbb6b365c09f80c663f2aa77578afc634e6141a2f87100c0",
                11_975_353,
                3.0,
                inside="free-spoken-digit-dataset-1.0.9",
                file="free-spoken-digit-dataset-1.0.9.tar.gz",
            ),
        ),
        ("v1.0.9",),
    ),
    "librispeech": Source(
        "LibriSpeech",
        "CC BY 4.0: name the source when you publish",
        "https://www.openslr.org/12",
        (
            _librispeech(
                "dev-clean",
                337_926_286,
                "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
            ),
            _librispeech(
                "dev-other",
                314_305_928,
                "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365",
            ),
            _librispeech(
                "test-clean",
                346_663_984,
                "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
            ),
            _librispeech(
                "test-other",
                328_757_843,
                "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
            ),
            _librispeech(
                "train-clean-100",
                6_387_309_499,
                "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
            ),
            _librispeech(
                "train-clean-360",
                23_049_477_885,
                "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
            ),
            _librispeech(
                "train-other-500",
                30_593_501_606,
                "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
            ),
        ),
        ("dev-clean", "test-clean"),
    ),
    "ravdess": Source(
        "RAVDESS, the Ryerson audio-visual database of emotional speech and song: audio-only speech",
        "CC BY-NC-SA 4.0: not for commercial use; name the source, share what you derive alike",
        "https://zenodo.org/records/1188976",
        (
            Archive(
                "speech",
                "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",
                # The Zenodo record's own checksum and size.
                "md5:bc696df654c87fed845eb13823edef8a",
                208_468_073,
                4.0,
            ),
        ),
        ("speech",),
    ),
    "speech_commands": Source(
        "Speech Commands",
        "CC BY 4.0: name the source when you publish",
        "https://arxiv.org/abs/1804.03209",
        (
            Archive(
                "v0.02",
                "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
                # torchaudio (datasets/speechcommands.py) and TensorFlow Datasets (url_checksums/speech_commands.txt).
                "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
                2_428_923_189,
                2.0,
            ),
        ),
        ("v0.02",),
    ),
    "tess": Source(
        "TESS, the Toronto emotional speech set",
        "CC BY-NC-ND 4.0: not for commercial use; name the source, pass no altered version on",
        "https://doi.org/10.5683/SP2/E8H2MF",
        (
            Archive(
                "all",
                "https://bj.bcebos.com/paddleaudio/datasets/TESS_Toronto_emotional_speech_set.zip",
                # The copy that PaddlePaddle serves, with its checksum (paddle/audio/datasets/tess.py); Borealis, where
                # the corpus is published, packs its archive anew each time.
                "md5:1465311b24d1de704c4c63e4ccc470c7",
                None,
                3.0,
            ),
        ),
        ("all",),
    ),
}
"""Corpora that ``get_corpus`` fetches, by name."""

ELSEWHERE: dict[str, str] = {
    "crema_d": (
        "lies in git with its large files, not in an archive with a checksum; install git-lfs, then: "
        "git clone https://github.com/CheyneyComputerScience/CREMA-D"
    ),
    "iemocap": (
        "is given to those who sign its licence: ask for it at https://sail.usc.edu/iemocap/iemocap_release.htm"
    ),
}
"""Corpora that cannot be fetched: what to do instead."""


def source_of(corpus: str) -> Source:
    """The source of a corpus.

    Raises:
        CorpusError: a corpus that cannot be fetched (says what to do instead), or an unknown one.
    """
    if corpus in ELSEWHERE:
        raise CorpusError(f"{corpus}: {ELSEWHERE[corpus]}")
    if corpus not in SOURCES:
        raise CorpusError(f"{corpus!r} cannot be fetched: there are {', '.join((*SOURCES, *ELSEWHERE))}")
    return SOURCES[corpus]
