"""Networks: VGG in two algebras, RH-Emo, the recognizer (waveform -> class scores), and saved bundles of them."""

from ._bundle import (
    BundleError,
    TrainedRHEmo,
    bundle_card,
    bundle_config,
    bundle_licence,
    load_bundle,
    load_recognizer,
    save_bundle,
)
from ._card import CARD_HEADER
from ._derivatives import Derivatives
from ._keys import weights_key
from ._recognizer import Front, FrontKind, Recognition, Recognizer, Stage
from ._rh_emo import AXES, EMBEDDING_SHAPE, RHEmo, RHEmoDecoder, RHEmoEncoder, RHEmoOutput, rh_emo_losses
from ._vgg import VGG, vgg

__all__ = [
    "AXES",
    "CARD_HEADER",
    "EMBEDDING_SHAPE",
    "VGG",
    "BundleError",
    "Derivatives",
    "Front",
    "FrontKind",
    "RHEmo",
    "RHEmoDecoder",
    "RHEmoEncoder",
    "RHEmoOutput",
    "Recognition",
    "Recognizer",
    "Stage",
    "TrainedRHEmo",
    "bundle_card",
    "bundle_config",
    "bundle_licence",
    "load_bundle",
    "load_recognizer",
    "rh_emo_losses",
    "save_bundle",
    "vgg",
    "weights_key",
]
