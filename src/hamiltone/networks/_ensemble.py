"""Ensembles: several networks whose probabilities are averaged, and whose classes may be grouped."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone.settings import EnsembleSettings

from ._network import Network, Shape, build_network, register_network


@register_network(EnsembleSettings)
class Ensemble(Network):
    """Networks that hear the same; the softmax of its scores is the mean of their probabilities.

    With groups, a class has the probability of all the members' classes in its group, and those in no group are left
    out: the others then sum to 1.

    Args:
        config: the members' settings, and the groups.
        input_shape: of the feature maps that all members take.
        classes: how many scores it gives.

    Raises:
        ValueError: no members, groups that are not as many as the classes, or a member class in two of them.

    Source: Lakshminarayanan et al. 2017, arXiv:1612.01474 (averaged probabilities of trainings from several starts).
    """

    config: EnsembleSettings

    def __init__(self, config: EnsembleSettings, input_shape: Shape, classes: int) -> None:
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
        self.members = nn.ModuleList(build_network(one, input_shape, inner) for one in config.members)

    @classmethod
    def of(cls, members: Sequence[Network], groups: Sequence[Sequence[int]] | None = None) -> "Ensemble":
        """Networks of the same input and classes as one.

        Raises:
            ValueError: no network, other inputs or classes, or groups that do not go.
        """
        if len({(member.input_shape, member.classes) for member in members}) != 1:
            raise ValueError("the members of an ensemble take the same input and give the same scores")
        given = None if groups is None else tuple(tuple(group) for group in groups)
        first = members[0]
        config = EnsembleSettings(
            members=tuple(member.config for member in members), member_classes=first.classes, groups=given
        )
        ensemble = cls(config, first.input_shape, first.classes if given is None else len(given))
        ensemble.members = nn.ModuleList(members)
        return ensemble

    @classmethod
    def restricted(cls, network: Network, classes: Sequence[int]) -> "Ensemble":
        """A network, itself an ensemble perhaps, that chooses from some of its classes; it shares the weights."""
        if not isinstance(network, Ensemble):
            return cls.of([network], [[one] for one in classes])
        groups = network.config.groups or tuple((one,) for one in range(network.classes))
        members = [member for member in network.members if isinstance(member, Network)]
        return cls.of(members, [groups[one] for one in classes])

    def adapted(self, features: Sequence[Float[Tensor, "_ channel time frequency"]]) -> "Ensemble":
        """A copy whose members are all adapted to the speaker."""
        members = [member.adapted(features) for member in self.members if isinstance(member, Network)]
        return Ensemble.of(members, self.config.groups).eval()

    def forward(self, x: Float[Tensor, "batch channel time frequency"]) -> Float[Tensor, "batch label"]:
        """Logarithms of the mean probabilities."""
        scores = torch.stack([member(x).log_softmax(1) for member in self.members])
        mean = scores.logsumexp(0)
        if self.config.groups is None:
            return mean.log_softmax(1)
        return torch.stack([mean[:, list(group)].logsumexp(1) for group in self.config.groups], 1).log_softmax(1)
