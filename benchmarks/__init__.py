"""Measurements of speed, memory and load, run from the root of the repository: ``python -m benchmarks.NAME``."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command has it, before PyTorch is loaded
