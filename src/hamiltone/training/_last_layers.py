"""The last layers of a recogniser, of each member of an ensemble one: taken out, and put back with other classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hamiltone.corpora import Report
from hamiltone.networks import Ensemble, Network, Recognizer, build_network

from ._errors import TrainingError
from ._head_fitting import Head


@dataclass(frozen=True)
class LastLayers:
    """Those of a recogniser, as they begin with other classes.

    Attributes:
        recognizer: whose they are.
        labels: the new classes.
        groups: 1 where a score is one of a class's.
        first: the layers: those scores that a class of the same name has, and scores of zero for a new one.
    """

    recognizer: Recognizer
    labels: tuple[str, ...]
    groups: Float[Tensor, "score label"]
    first: list[Head]

    @property
    def copies(self) -> int:
        """How often each frame is heard, one after the other."""
        network = self.recognizer.network
        return network.config.copies if isinstance(network, Ensemble) else 1

    @classmethod
    def of(cls, recognizer: Recognizer, labels: tuple[str, ...]) -> "LastLayers":
        """Take them out.

        Raises:
            TrainingError: a network whose last layer is not linear.
        """
        rows = [_scores_of(recognizer, label) for label in labels]
        scores = [row for group in rows for row in (group or [None])]
        groups = torch.zeros(len(scores), len(labels))
        place = 0
        for label, group in enumerate(rows):
            groups[place : (place := place + max(len(group), 1)), label] = 1
        layers = [_last(member) for member in _members(recognizer.network)]
        return cls(recognizer, labels, groups, [_begun(layer, scores) for layer in layers])

    @torch.no_grad()
    def features(
        self, batches: Iterable[Float[Tensor, "_ channel time frequency"]], total: int, report: Report
    ) -> list[Float[Tensor, "heard feature"]]:
        """What each of them hears of some frames, which are ``total`` in number: of each frame all its copies."""
        heard: list[list[Tensor]] = [[] for _ in self.first]
        hooks = [
            _last(member).register_forward_pre_hook(partial(_keep, its))
            for member, its in zip(_members(self.recognizer.network), heard, strict=True)
        ]
        try:
            done = 0
            for batch in batches:
                self.recognizer.eval().network(batch)
                done += len(batch)
                report("hearing", done, total)
        finally:
            for hook in hooks:
                hook.remove()
        return [torch.cat(its) for its in heard]

    def with_heads(self, heads: Sequence[Head], temperature: float) -> Recognizer:
        """The recogniser with other last layers."""
        members = [
            _replaced(member, head) for member, head in zip(_members(self.recognizer.network), heads, strict=True)
        ]
        network: Network = members[0]
        if isinstance(self.recognizer.network, Ensemble):
            ends = list(accumulate(int(count) for count in self.groups.sum(0)))
            groups = [list(range(first, end)) for first, end in zip([0, *ends], ends, strict=False)]
            network = Ensemble.of(members, groups, self.copies)
        before = self.recognizer
        return Recognizer(
            before.front,
            network,
            self.labels,
            frame_rule=before.frame_rule,
            temperature=temperature,
            unsure_below=before.unsure_below,
        ).eval()


def _keep(heard: list[Tensor], _: nn.Module, given: tuple[Tensor, ...]) -> None:
    heard.append(given[0])


def _members(network: Network) -> list[Network]:
    if isinstance(network, Ensemble):
        return network.networks
    return [network]


def _last(member: Network) -> nn.Linear:
    layer = member.last_hidden()
    if not isinstance(layer, nn.Linear):
        raise TrainingError(f"a network of kind {member.config.kind} has no linear last layer to adapt; take another")
    return layer


def _scores_of(recognizer: Recognizer, label: str) -> list[int]:
    """Which of the members' scores a class has; none of a new class."""
    if label not in recognizer.labels:
        return []
    place = recognizer.labels.index(label)
    groups = recognizer.network.config.groups if isinstance(recognizer.network, Ensemble) else None
    return [place] if groups is None else list(groups[place])


def _begun(layer: nn.Linear, scores: Sequence[int | None]) -> Head:
    weight = torch.zeros(len(scores), layer.in_features)
    bias = torch.zeros(len(scores))
    for row, score in enumerate(scores):
        if score is not None:
            weight[row] = layer.weight.detach()[score]
            bias[row] = layer.bias.detach()[score]
    return Head(weight, bias)


def _replaced(member: Network, head: Head) -> Network:
    with torch.random.fork_rng(devices=[]):  # making a network draws weights, which are replaced at once
        network = build_network(member.config, member.input_shape, len(head.bias))
    name = member.config.last_hidden
    fitted = {f"{name}.weight": head.weight, f"{name}.bias": head.bias}
    network.load_state_dict(member.state_dict() | fitted, strict=True)
    return network
