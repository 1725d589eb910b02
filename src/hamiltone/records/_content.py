"""The base of all records, and how they are written and read."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from hamiltone.errors import HamiltoneError
from hamiltone.files import atomic_write

_File = TypeVar("_File", bound="File")


class RecordError(HamiltoneError):
    """A record that is missing, damaged, or of another format; one line that names the file."""


class Content(BaseModel):
    """A part of a record: what is written is what is read, no more and no less."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class File(Content):
    """A record that is a file of its own: JSON, without what is None."""

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        atomic_write(path, self.model_dump_json(indent=2, exclude_none=True) + "\n")

    @classmethod
    def read(cls: type[_File], path: Path, remedy: str = "move it away, or make it again with this version") -> _File:
        """Read it.

        Args:
            path: the file.
            remedy: what the line of an error says is to be done.

        Raises:
            RecordError: it is not there, cannot be read, or is no such record of this format.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise RecordError(f"{path}: cannot be read: {error.strerror}; {remedy}") from None
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            where = f"{key}: " if key else ""
            title = (cls.__doc__ or cls.__name__).partition(":")[0].lower()
            raise RecordError(f"{path}: is no {title} of this version ({where}{first['msg']}); {remedy}") from None
