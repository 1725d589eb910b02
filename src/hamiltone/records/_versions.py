"""The versions of what decides a result."""

import platform
from importlib import metadata
from pathlib import Path

from hamiltone import __version__
from hamiltone.extensions import load_extensions
from hamiltone.files import file_key

_VERSIONED = ("torch", "numpy", "scipy", "scikit-learn", "soundfile", "soxr", "accelerate")


def extension_keys() -> dict[str, str]:
    """What identifies the content of each extension, by its name: what they compute must not be taken for another's."""
    return {name: file_key(Path(file))[:12] for name, file in load_extensions().items() if file}


def versions() -> dict[str, str]:
    """Versions of packages and extensions (by their content), and the machine's kind."""
    packages = {name: metadata.version(name) for name in _VERSIONED}
    extensions = {f"extension {name}": key for name, key in extension_keys().items()}
    machine = {"machine": platform.machine()}
    return {"python": platform.python_version(), "hamiltone": __version__, **packages, **extensions, **machine}
