"""Registry of functions by name."""

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


class Registry(Generic[Function]):
    """Functions of one kind by their names, in the order of registration; iterating gives the names.

    Args:
        kind: what they are, for messages.
        functions: those that are there from the beginning.
    """

    def __init__(self, kind: str, functions: dict[str, Function]) -> None:
        self._kind = kind
        self._functions = dict(functions)

    def register(self, name: str, function: Function) -> None:
        """Add a function.

        Raises:
            ValueError: the name is taken, or empty.
        """
        if not name or name in self._functions:
            raise ValueError(f"the {self._kind} {name!r} cannot be registered: choose a name besides {self._names()}")
        self._functions[name] = function

    def find(self, name: str) -> Function:
        """The function of a name.

        Raises:
            ValueError: there is none.
        """
        if name not in self._functions:
            raise ValueError(f"unknown {self._kind} {name!r}: choose one of {self._names()}")
        return self._functions[name]

    def __contains__(self, name: object) -> bool:
        return name in self._functions

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def _names(self) -> str:
        return ", ".join(self._functions)
