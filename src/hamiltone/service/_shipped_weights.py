"""The weights that come with the package."""

from pathlib import Path

import hamiltone
from hamiltone.networks import bundle_licence

from ._errors import ServiceError

SHIPPED = ("four", "eight")
"""Their names, that of the default first: by how many emotions they tell apart."""


def model_folder(model: Path | str | None = None) -> Path:
    """The folder of a saved recogniser.

    Args:
        model: the folder itself, or the name of one that comes with the package (a folder of that name comes first);
            None: the package's default.

    Raises:
        ServiceError: there is no such folder, or this version comes without these weights.
    """
    name = SHIPPED[0] if model is None else str(model)
    if model is not None and Path(model).is_dir():
        return Path(model)
    if name not in SHIPPED:
        ours = " or ".join(SHIPPED)
        raise ServiceError(f"{name}: no model here; name a model folder, as RUN/model, or the package's {ours}")
    folder = Path(hamiltone.__file__).parent / "weights" / name
    if not (folder / "config.json").is_file():
        raise ServiceError("no model: this version comes without weights; name a saved one, as --model RUN/model")
    return folder


def licence_notice(model: Path | str) -> str:
    """The first line of the licence that lies beside a model's weights; empty where none does."""
    return bundle_licence(model).partition("\n")[0].strip()
