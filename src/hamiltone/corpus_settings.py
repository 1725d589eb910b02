"""Settings of corpora: which recordings, which words of them, and their split; without what reads them."""

from typing import Any, Literal

from pydantic import Field, PositiveInt, model_validator

from hamiltone.settings_model import Settings

AND = "+"
"""Between the names of corpora that are one."""

SplitKind = Literal[
    "actor", "random", "stratified", "leave-one-out", "balanced", "emobox", "70-20-10", "halved", "column"
]
"""The paper's two; folds of speakers by class; one speaker out; ready lists of speakers; what the table itself says."""


class WordSettings(Settings):
    """Which words of a corpus that is cut into words, and how many segments of them."""

    most: PositiveInt = Field(default=1000, description="how many words, the most frequent ones")
    min_letters: PositiveInt = Field(default=1, description="words of fewer letters are left out")
    segments: PositiveInt = Field(default=120_000, description="how many segments at most")
    alignments: str | None = Field(
        default=None,
        description="folder of the alignments; None: the corpus' own",
        examples=["$HAMILTONE_DATA/alignments"],
    )


class CorpusPartSettings(Settings):
    """A corpus by name, the folder it lies in, and what its emotions count as."""

    name: str = Field(description="of the corpus; docs/corpora.md has all names", examples=["ravdess"])
    root: str | None = Field(
        default=None,
        description="folder of the corpus, or its table, from where the command is started; $NAMES of the environment "
        "are replaced",
        examples=["$HAMILTONE_DATA/ravdess"],
    )
    words: WordSettings | None = Field(default=None, description="of a corpus of words: which; None: the paper's")
    options: dict[str, str] = Field(
        default={},
        description="of folder: speaker; of audformat: table, emotion, ...",
        examples=[{"speaker": "(?P<speaker>\\d+)_.*"}],
    )
    common_names: bool = Field(
        default=False, description="emotions are called as in other corpora: happy, sad, angry, fearful, surprised"
    )
    labels: dict[str, str] = Field(
        default={},
        description="emotion (by its common name, with common_names) -> the class that it counts as; empty: left out",
        examples=[{"calm": "neutral"}],
    )
    only: bool = Field(default=False, description="leave out the emotions that labels does not name, too")

    def identity(self) -> dict[str, Any]:
        """What of it decides the result, without the places where things lie."""
        keys = ("options", "common_names", "labels", "only")
        chosen = {key: getattr(self, key) for key in keys if getattr(self, key)}
        if self.words is not None:
            chosen["words"] = self.words.model_dump(mode="json", exclude={"alignments"})
        return {"name": self.name, **chosen}


class CorpusSettings(CorpusPartSettings):
    """Which recordings: a corpus, or several that are one, whose name is theirs with "+" between them."""

    parts: tuple[CorpusPartSettings, ...] = Field(default=(), description="several corpora, instead of one's name")
    within: str | None = Field(
        default=None,
        description="a split file: only the recordings that it trains on are used",
        examples=["runs/rh-emo-1/split.json"],
    )
    partial: bool = Field(default=False, description="use what there is of a corpus, even if its folder lacks some")

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_parts(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not isinstance(content.get("parts"), list | tuple) or not content["parts"]:
            return content
        names = [part.get("name") if isinstance(part, dict) else getattr(part, "name", "") for part in content["parts"]]
        return {"name": AND.join(map(str, names)), **content}

    @model_validator(mode="after")
    def _agree(self) -> "CorpusSettings":
        if not self.parts:
            return self
        if self.name != AND.join(part.name for part in self.parts):
            raise ValueError("name follows from the names of parts: leave it out")
        if self.root or self.words or self.options:
            raise ValueError("root, words and options are told of each of parts: leave them out beside")
        if (self.labels or self.only) and not self.common_names:
            raise ValueError("labels and only beside parts name emotions of all of them: set common_names = true, too")
        return self

    def identity(self) -> dict[str, Any]:
        """What of it decides the result, without the places where things lie."""
        parts = {"parts": [part.identity() for part in self.parts]} if self.parts else {}
        return super().identity() | parts


class SplitSettings(Settings):
    """How the corpus is parted: the paper's random split (by recording) or actor split (by speaker), or another."""

    kind: SplitKind | None = Field(
        default=None, description="random for orthogonal tasks, else actor", examples=["actor"]
    )
    fractions: tuple[float, float, float] = Field(default=(0.7, 0.2, 0.1), description="of train, validation and test")
    folds: int | None = Field(
        default=None, ge=2, description="k folds instead of fractions: one tests, one validates", examples=[6]
    )
    fold: int = Field(default=0, ge=0, description="which of the folds, counted from 0")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of what is drawn")
    file: str | None = Field(
        default=None,
        description="a split or lists of speakers in a file, instead of the above",
        examples=["actors.json"],
    )
    training_speakers: PositiveInt | None = Field(
        default=None,
        description="only so many speakers of the training part, drawn by the seed: for learning curves; None: all",
        examples=[6],
    )

    def identity(self) -> dict[str, Any]:
        """What of it decides the result, without the place where a file lies."""
        content = self.model_dump(mode="json", exclude={"file"})
        if self.training_speakers is None:
            content.pop("training_speakers")  # without it, a split is the one that it was before there was any
        return content
