"""Networks: fronts, VGG and residual networks in two algebras, RH-Emo, the recogniser (waveform -> scores), bundles."""

from ._bundle import TrainedRHEmo, check_bundle_place, load_bundle, load_recognizer, save_bundle
from ._bundle_config import BundleError, bundle_card, bundle_config, bundle_licence
from ._card import CARD_HEADER, plain_result, told_results
from ._derivatives import Derivatives
from ._ensemble import Ensemble
from ._front import Front, Stage, build_front, check_front, register_front
from ._keys import weights_key
from ._log_mel_front import LogMelFront
from ._network import Network, Shape, build_network, check_network, register_network
from ._recognizer import UNSURE, Recognition, Recognizer
from ._residual import Residual
from ._rh_emo import AXES, EMBEDDING_SHAPE, RHEmo, RHEmoDecoder, RHEmoEncoder, RHEmoOutput, rh_emo_loss, rh_emo_losses
from ._spectrogram_fronts import DerivativesFront, RHEmoFront, SpectrogramFront, spectrogram_from
from ._vgg import VGG, vgg

__all__ = [
    "AXES",
    "CARD_HEADER",
    "EMBEDDING_SHAPE",
    "UNSURE",
    "VGG",
    "BundleError",
    "Derivatives",
    "DerivativesFront",
    "Ensemble",
    "Front",
    "LogMelFront",
    "Network",
    "RHEmo",
    "RHEmoDecoder",
    "RHEmoEncoder",
    "RHEmoFront",
    "RHEmoOutput",
    "Recognition",
    "Recognizer",
    "Residual",
    "Shape",
    "SpectrogramFront",
    "Stage",
    "TrainedRHEmo",
    "build_front",
    "build_network",
    "bundle_card",
    "bundle_config",
    "bundle_licence",
    "check_bundle_place",
    "check_front",
    "check_network",
    "load_bundle",
    "load_recognizer",
    "plain_result",
    "register_front",
    "register_network",
    "rh_emo_loss",
    "rh_emo_losses",
    "save_bundle",
    "spectrogram_from",
    "told_results",
    "vgg",
    "weights_key",
]
