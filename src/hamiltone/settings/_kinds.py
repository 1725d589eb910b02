"""Kinds: parts of a run's settings (network, front) of which there are several, each with a model of its own."""

import difflib
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from hamiltone.extensions import hint, load_extensions, refuse_partial
from hamiltone.settings_model import Settings

NESTED = "settings_of_a_kind"
"""The type of the validation error that holds those of a kind's own model."""


class KindSettings(Settings):
    """Settings of which there are several kinds; ``kind`` says which."""

    kind: str


Kind = TypeVar("Kind", bound=KindSettings)
_Model = TypeVar("_Model", bound=KindSettings)


class Kinds(Generic[Kind]):
    """The kinds of one part of the settings, by name.

    Args:
        part: the key of that part, for errors.
        default: the kind that settings without ``kind`` are of.
    """

    def __init__(self, part: str, default: str) -> None:
        self._part, self._default = part, default
        self._models: dict[str, type[KindSettings]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    @property
    def default(self) -> str:
        """The kind that settings without ``kind`` are of."""
        return self._default

    def register(self, model: "type[_Model]") -> "type[_Model]":
        """Make a kind known; its name is the default of the model's ``kind``.

        Raises:
            ValueError: another model has that name.
            ExtensionError: the model lacks a method or a class variable that its base only declares.
        """
        refuse_partial(model, [name for name in model.__class_vars__ if not hasattr(model, name)])
        name = model.model_fields["kind"].default
        if not isinstance(name, str) or not name:
            raise ValueError(f"{model.__name__}: give kind a default, the name of this kind of {self._part}")
        if self._models.setdefault(name, model) is not model:
            raise ValueError(f"{self._part}.kind {name} is taken by {self._models[name].__name__}: choose another name")
        return model

    def model(self, name: str) -> type[Kind]:
        """The model of a kind; extensions are loaded where it is not known without them.

        Raises:
            ValueError: no such kind.
        """
        if name not in self._models:
            load_extensions()
        if name not in self._models:
            near = difflib.get_close_matches(name, self._models, n=1)
            guess = f"did you mean {near[0]}? Otherwise, " if near else ""
            raise ValueError(f"kind {name!r} is none of {', '.join(self._models)}; {guess}{hint()}")
        return self._models[name]  # pyright: ignore[reportReturnType] (what is registered is of this part)

    def kept(self, content: dict[str, Any], kind: str) -> dict[str, Any]:
        """What of a table still holds where another kind is laid over it: the keys of the class that both stem from."""
        before = str(content.get("kind", self._default))
        try:
            ours, theirs = self.model(before), self.model(kind)
        except ValueError:
            return content  # there is no such kind: told where the settings are parsed
        shared = next(base for base in theirs.__mro__ if issubclass(ours, base))
        return {name: value for name, value in content.items() if ours is theirs or name in shared.model_fields}

    def parse(self, content: Any) -> Kind:
        """Settings of the kind that they name; what is of a kind already stays as it is.

        Raises:
            PydanticCustomError: they are none of that kind; with the errors of its model.
            ValueError: no such kind, or no settings at all.
        """
        if isinstance(content, KindSettings):
            return content  # pyright: ignore[reportReturnType] (the annotated field checks its class)
        if not isinstance(content, dict):
            raise PydanticCustomError("table", "takes a table")
        model = self.model(str(content.get("kind", self._default)))
        try:
            return model.model_validate(content)
        except ValidationError as error:
            raise PydanticCustomError(NESTED, "{text}", {"text": str(error), "errors": error, "model": model}) from None
