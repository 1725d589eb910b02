"""Tracing by ``torch.fx``: quaternion layers are leaves of a graph, as torch's own layers are."""

from typing import Any

from torch import nn
from torch.fx import Proxy


def as_leaf(layer: nn.Module, x: Proxy, *arguments: Any) -> Any:
    """The call of a whole layer as one node of the graph that is being traced."""
    path = x.tracer.path_of_module(layer)  # pyright: ignore[reportAttributeAccessIssue] (that of modules has it)
    return x.tracer.create_proxy("call_module", path, (x, *arguments), {})
