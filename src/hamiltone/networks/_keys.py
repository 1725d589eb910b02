"""Keys of weights: equal tensors under equal names, equal key."""

import hashlib

import torch
from torch import nn

from hamiltone.files import content_key


def weights_key(module: nn.Module) -> str:
    """SHA-256 (hexadecimal) over names, shapes, types and bytes of a module's parameters and buffers."""
    rows = []
    for name, tensor in sorted(module.state_dict().items()):
        raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        rows.append([name, list(tensor.shape), str(tensor.dtype), hashlib.sha256(raw.data).hexdigest()])
    return content_key(rows)
