"""Measurement of first weights: what is left of a signal behind them, and which axes of an RH-Emo die.

From the root of the repository ``python -m benchmarks.start``; it writes ``docs/evidence/start.md`` and a picture.
"""
