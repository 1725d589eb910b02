"""The anti-transfer loss: keep a network from seeing what a frozen network sees.

A network is trained on one task (emotion) while its feature maps are pushed away from those of a frozen network of the
same structure, trained on an orthogonal task (words, speakers). It works for any ``torch.nn.Module`` with convolutions:

    loss = AntiTransferLoss(freeze(frozen, weights), layers=[2])
    with loss.attach(network):
        scores = network(x)
        (cross_entropy(scores, y) + loss(x)).backward()

Depends on torch and jaxtyping only. Source: equations 1 and 2 of "Quaternion Anti-Transfer Learning for Speech Emotion
Recognition"; the other aggregations and the other distance are those of Guizzo, Weyde and Tarroni (Neural Networks
142, 2021).
"""

from hamiltone.antitransfer._aggregations import AGGREGATIONS, register_aggregation
from hamiltone.antitransfer._distances import DISTANCES, map_distance, register_distance
from hamiltone.antitransfer._frozen import freeze, frozen_maps
from hamiltone.antitransfer._loss import AntiTransferLoss
from hamiltone.antitransfer._similarity import squared_gram_cosine
from hamiltone.antitransfer._taps import FeatureTaps, ForwardStop, convolutions
from hamiltone.antitransfer._targets import GramTargets

__all__ = [
    "AGGREGATIONS",
    "DISTANCES",
    "AntiTransferLoss",
    "FeatureTaps",
    "ForwardStop",
    "GramTargets",
    "convolutions",
    "freeze",
    "frozen_maps",
    "map_distance",
    "register_aggregation",
    "register_distance",
    "squared_gram_cosine",
]
