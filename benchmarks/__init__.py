"""Measurements of speed, memory and load, run from the root of the repository: ``python -m benchmarks.NAME``."""
