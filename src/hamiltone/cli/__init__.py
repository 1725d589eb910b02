"""The command line: verbs that read settings, call one function and print. Heavy imports stay inside the verbs."""

# Each module hangs its verbs below the app, and --help lists them in this order.
# isort: off
from hamiltone.cli import _reports, _runs, _ensemble, _adapt, _predict, _info, _serve, _export, _studies  # noqa: F401
from hamiltone.cli import _corpora, _corpus_get, _corpus_check, _settings, _machine  # noqa: F401
# isort: on

from hamiltone.cli._app import app, main

__all__ = ["app", "main"]
