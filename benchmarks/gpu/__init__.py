"""Checks, speed and the paper's recipe on a GPU, in one command of at most nine minutes.

    python -m benchmarks.gpu prepare gpu-files     # here: recordings and packages for a machine without a network
    python -m benchmarks.gpu run gpu-files         # there, in a copy of the repository: results.json as it comes
    python -m benchmarks.gpu page RESULTS.json     # here: the tables of docs/performance.md

A part that fails is told in the results and leaves the others alone; one that is done is not done again. On a machine
without GPU, ``run --tiny`` goes through all of it with tiny numbers.
"""
