"""Systems that are compared: features with a support vector machine, and networks that hamiltone trains."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from hamiltone.files import content_key
from hamiltone.settings import RunSettings, laid_over, read_toml, settings_from, validated
from hamiltone.settings_model import Settings

from ._functionals import FeatureSet
from ._protocols import Protocol

SYSTEMS = Path(__file__).parents[2] / "configs" / "recognisers" / "systems.toml"
_SVM_RULE = 1
"""Goes up when what is done with the features changes."""


class SvmSystem(Settings):
    """Functionals of openSMILE and a linear support vector machine.

    Attributes:
        title: what tables call it.
        features: the set of functionals.
        per_speaker: normalised by mean and deviation of each speaker's own clips, without labels, those that test, too.
        grid: the costs C to choose from.
    """

    kind: Literal["svm"]
    title: str
    features: FeatureSet
    per_speaker: bool = False
    grid: Annotated[tuple[float, ...], Field(min_length=1)]

    @property
    def seeds(self) -> tuple[int, ...]:
        """It has no chance in it."""
        return (0,)


class NetworkSystem(Settings):
    """A run of hamiltone.

    Attributes:
        title: what tables call it.
        settings: a settings file, relative to that of the systems; corpus and split are the protocol's.
        overrides: laid over it, as ``key.path=value``; {protocol}, {fold} and {seed} stand for theirs in all settings.
        seeds: of its trainings.
        average: its answer is the mean of the probabilities of all its trainings; otherwise each counts as one answer.
        speeds: at which each recording is heard, for the mean of its answers; as it is where none is named.
        per_speaker: it uses other unlabelled clips of the speaker who tests.
        trained_as: the system whose trainings it shares.
        temperature_of: the system whose temperatures it takes, of the same fold, and of the same seed or else of the
            first: what has learned from those who validate, too, has nobody left to find its own on.
        compared_with: the system from which it differs in one thing (anti-transfer, the algebra).
    """

    kind: Literal["network"]
    title: str
    settings: str
    overrides: tuple[str, ...] = ()
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    average: bool = False
    speeds: tuple[float, ...] = ()
    per_speaker: bool = False
    trained_as: str | None = None
    temperature_of: str | None = None
    compared_with: str | None = None


System = Annotated[SvmSystem | NetworkSystem, Field(discriminator="kind")]


class Systems(Settings):
    """The systems by name, in the order of the tables."""

    systems: dict[str, System]


def read_systems(path: Path = SYSTEMS) -> dict[str, SvmSystem | NetworkSystem]:
    """The systems of a file, in its order.

    Raises:
        SettingsError: it is not there, or names no systems.
    """
    return validated(Systems, read_toml(path), str(path)).systems


def run_settings(
    system: NetworkSystem, systems: Path, protocol: tuple[str, Protocol, Path], fold: int, seed: int, out: Path
) -> RunSettings:
    """The settings of one training.

    Args:
        system: what is trained.
        systems: the file that names it.
        protocol: its name, itself, and the folder of its files.
        fold: which one tests.
        seed: of the training.
        out: the run's folder.

    Raises:
        SettingsError: a settings file that cannot be read, or settings that do not hold together.
    """
    name, asked, folder = protocol
    path = systems.parent / system.settings
    places = {"{protocol}": name, "{fold}": str(fold), "{seed}": str(seed)}
    content = _filled(read_toml(path, system.overrides), places)
    decided = asked.laid_under(folder, fold) | {"name": f"{name} {fold} {out.name}", "out": str(out), "seed": seed}
    # The file's own corpus and split give way whole: half of them would be of neither.
    below = {key: value for key, value in content.items() if key not in ("corpus", "split")}
    return settings_from(laid_over(below, decided), where=str(path))


def _filled(content: Any, places: Mapping[str, str]) -> Any:
    if isinstance(content, Mapping):
        return {key: _filled(value, places) for key, value in content.items()}
    if isinstance(content, list):
        return [_filled(value, places) for value in content]
    if isinstance(content, str):
        for place, value in places.items():
            content = content.replace(place, value)
    return content


def configuration(system: SvmSystem | NetworkSystem, systems: Path, protocol: tuple[str, Protocol, Path]) -> str:
    """What tells one configuration of a system from another, whatever the fold and the seed."""
    _, asked, _ = protocol
    if isinstance(system, NetworkSystem):
        key = run_settings(system, systems, protocol, 0, 0, Path("runs")).key()
        return (content_key([key, system.speeds]) if system.speeds else key)[:12]
    content = {
        "rule": _SVM_RULE,
        "system": system.model_dump(mode="json", exclude={"title"}),
        "corpus": asked.corpus.identity(),
        "split": [asked.split.model_dump(mode="json", exclude_defaults=True), asked.files],
    }
    return content_key(content)[:12]
