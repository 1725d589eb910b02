"""The weights that come with the package."""

from pathlib import Path

import hamiltone
from hamiltone.networks import bundle_licence

from ._errors import ServiceError


def shipped_model() -> Path:
    """The folder of the recogniser that comes with the package.

    Raises:
        ServiceError: this version comes without one.
    """
    folder = Path(hamiltone.__file__).parent / "weights"
    if not (folder / "config.json").is_file():
        raise ServiceError("no model: this version comes without weights; name a saved one, as --model RUN/model")
    return folder


def licence_notice(model: Path | str) -> str:
    """The first line of the licence that lies beside a model's weights; empty where none does."""
    return bundle_licence(model).partition("\n")[0].strip()
