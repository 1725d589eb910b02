"""Ensembles: probabilities averaged over networks and over copies of what they hear; classes may be grouped."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone.settings import EnsembleSettings

from ._network import Network, Shape, build_network, register_network


@register_network(EnsembleSettings)
class Ensemble(Network):
    """Networks that hear the same; the softmax of its scores is the mean of their probabilities.

    Where the front gives several copies of a recording, as at several speeds, each member hears each copy by itself,
    and the mean is over the copies, too. With groups, a class has the probability of all the members' classes in its
    group, and those in no group are left out: the others then sum to 1.

    Args:
        config: the members' settings, the groups, and how many copies there are.
        input_shape: of the feature maps: the channels that a member takes, for one copy after the other.
        classes: how many scores it gives.
        members: networks of these settings; None: they are made.

    Raises:
        ValueError: no members, groups that are not as many as the classes, a member class in two of them, or channels
            that are not so many copies.

    Source: Lakshminarayanan et al. 2017, arXiv:1612.01474 (averaged probabilities of trainings from several starts).
    """

    config: EnsembleSettings

    def __init__(
        self, config: EnsembleSettings, input_shape: Shape, classes: int, members: Sequence[Network] | None = None
    ) -> None:
        super().__init__(config, input_shape, classes)
        if not config.members:
            raise ValueError("an ensemble has no members: hamiltone ensemble makes one of finished runs")
        groups = config.groups
        grouped = [one for group in groups or () for one in group]
        if groups is not None and (len(groups) != classes or not all(groups) or len(grouped) != len({*grouped})):
            raise ValueError(f"groups {groups}: one for each of {classes} classes is needed, none in two of them")
        inner = config.member_classes or classes
        if groups is not None and not all(0 <= one < inner for one in grouped):
            raise ValueError(f"groups {groups}: the members tell {inner} classes apart, counted from 0")
        if input_shape[0] % config.copies:
            raise ValueError(f"{input_shape[0]} channels are not {config.copies} copies of a recording")
        heard = (input_shape[0] // config.copies, input_shape[1], input_shape[2])
        made = (build_network(one, heard, inner) for one in config.members)
        self.members = nn.ModuleList(made if members is None else members)

    @classmethod
    def of(
        cls, members: Sequence[Network], groups: Sequence[Sequence[int]] | None = None, copies: int = 1
    ) -> "Ensemble":
        """Networks of the same input and classes as one, for so many copies of what they take.

        Raises:
            ValueError: no network, other inputs or classes, or groups that do not go.
        """
        if len({(member.input_shape, member.classes) for member in members}) != 1:
            raise ValueError("the members of an ensemble take the same input and give the same scores")
        given = None if groups is None else tuple(tuple(group) for group in groups)
        first = members[0]
        config = EnsembleSettings(
            members=tuple(member.config for member in members),
            member_classes=first.classes,
            groups=given,
            copies=copies,
        )
        channels, times, frequencies = first.input_shape
        classes = first.classes if given is None else len(given)
        return cls(config, (copies * channels, times, frequencies), classes, members)

    @property
    def networks(self) -> list[Network]:
        """Its members, by their type."""
        return [member for member in self.members if isinstance(member, Network)]

    @classmethod
    def restricted(cls, network: Network, classes: Sequence[int]) -> "Ensemble":
        """A network, itself an ensemble perhaps, that chooses from some of its classes; it shares the weights."""
        if not isinstance(network, Ensemble):
            return cls.of([network], [[one] for one in classes])
        groups = network.config.groups or tuple((one,) for one in range(network.classes))
        return cls.of(network.networks, [groups[one] for one in classes], network.config.copies)

    @classmethod
    def copied(cls, network: Network, copies: int) -> "Ensemble":
        """A network, itself an ensemble perhaps, for so many copies of what it takes; it shares the weights."""
        if not isinstance(network, Ensemble):
            return cls.of([network], None, copies)
        return cls.of(network.networks, network.config.groups, copies)

    def adapted(self, features: Sequence[Float[Tensor, "_ channel time frequency"]], *, copies: int = 1) -> "Ensemble":
        """A copy whose members are all adapted to the speaker."""
        heard = [self._copies(batch) for batch in features]
        number = copies * self.config.copies
        told = {} if number == 1 else {"copies": number}  # of one alone, no network need know of copies
        members = [member.adapted(heard, **told) for member in self.networks]
        return Ensemble.of(members, self.config.groups, self.config.copies).eval()

    def forward(self, x: Float[Tensor, "batch channel time frequency"]) -> Float[Tensor, "batch label"]:
        """Logarithms of the mean probabilities."""
        copies = self._copies(x)
        scores = torch.stack([member(copies).log_softmax(1) for member in self.members])
        mean = scores.unflatten(1, (-1, self.config.copies)).logsumexp((0, 2))
        if self.config.groups is None:
            return mean.log_softmax(1)
        return torch.stack([mean[:, list(group)].logsumexp(1) for group in self.config.groups], 1).log_softmax(1)

    def _copies(self, x: Float[Tensor, "batch channel time frequency"]) -> Float[Tensor, "copies c time frequency"]:
        """Each copy of each recording in a row of its own, those of a recording side by side."""
        return x.reshape(-1, x.shape[1] // self.config.copies, *x.shape[2:])
