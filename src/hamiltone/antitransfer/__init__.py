"""The anti-transfer loss: keep a network from seeing what a frozen network sees.

A network is trained on one task (emotion) while its feature maps are pushed away from those of a frozen network of the
same structure, trained on an orthogonal task (words, speakers). It works for any module with convolutions::

    loss = AntiTransferLoss(freeze(frozen, weights), layers=[2])
    with loss.attach(network):
        scores = network(x)
        (cross_entropy(scores, y) + loss(x)).backward()

Equation 1 compares channel with channel: it means something where both networks share their channels, as where one
starts from the other. Networks that were trained apart are compared by how alike they tell examples apart
(``aggregation="pooled", distance="debiased_linear_cka"``).

Depends on torch and jaxtyping only. Source: equations 1 and 2 of "Quaternion Anti-Transfer Learning for Speech Emotion
Recognition"; the aggregations none, mean, sum, max, product and the distance negative_sigmoid_mse are those of Guizzo,
Weyde and Tarroni (Neural Networks 142, 2021).
"""

from hamiltone.antitransfer._aggregations import AGGREGATIONS, register_aggregation
from hamiltone.antitransfer._alignment import debiased_linear_cka, linear_cka
from hamiltone.antitransfer._distances import DISTANCES, map_distance, register_distance
from hamiltone.antitransfer._frozen import freeze, frozen_maps
from hamiltone.antitransfer._layers import convolutions
from hamiltone.antitransfer._loss import AntiTransferLoss
from hamiltone.antitransfer._similarity import squared_gram_cosine
from hamiltone.antitransfer._taps import FeatureTaps, ForwardStop
from hamiltone.antitransfer._targets import GramTargets, PooledTargets, Targets, stored_form

__all__ = [
    "AGGREGATIONS",
    "DISTANCES",
    "AntiTransferLoss",
    "FeatureTaps",
    "ForwardStop",
    "GramTargets",
    "PooledTargets",
    "Targets",
    "convolutions",
    "debiased_linear_cka",
    "freeze",
    "frozen_maps",
    "linear_cka",
    "map_distance",
    "register_aggregation",
    "register_distance",
    "squared_gram_cosine",
    "stored_form",
]
