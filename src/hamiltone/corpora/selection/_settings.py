"""The settings of a corpus, and of several that are one."""

from typing import Any

from pydantic import Field, model_validator

from hamiltone.settings_model import Settings

from ..utterances import AND
from ..words import WordSettings


class CorpusPartSettings(Settings):
    """A corpus by name, the folder it lies in, and what its emotions count as."""

    name: str = Field(description="of the corpus; docs/corpora.md has all names", examples=["ravdess"])
    root: str | None = Field(
        default=None,
        description="folder of the corpus; $NAMES of the environment are replaced",
        examples=["$HAMILTONE_DATA/ravdess"],
    )
    words: WordSettings | None = Field(default=None, description="of a corpus of words: which; None: the paper's")
    options: dict[str, str] = Field(
        default={},
        description="of folder: speaker; of audformat: table, emotion, ...",
        examples=[{"speaker": "(\\d+)_.*"}],
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
