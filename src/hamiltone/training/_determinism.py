"""Determinism: the same bytes each time, with a fixed number of threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def deterministic(threads: int) -> Iterator[None]:
    """Compute the same bytes each time, with a fixed number of threads; then set all back."""
    before, workspace = torch.get_num_threads(), os.environ.get(_WORKSPACE)
    asked, warned = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(threads)
    os.environ.setdefault(_WORKSPACE, ":4096:8")  # cuBLAS is deterministic only with this set
    # On a GPU some operations have no deterministic form: a warning there, while on a CPU all have one.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(asked, warn_only=warned)
        if workspace is None:
            os.environ.pop(_WORKSPACE, None)
