# Two commands: `make quickstart` and `make test`. Everything else is `hamiltone VERB`.
VENV ?= .venv
PYTHON ?= python3
EXTRAS := align,audformat,onnx,ray,serve,synthetic,test
export VENV PYTHON

.PHONY: quickstart test lint bench clean
.DEFAULT_GOAL := quickstart

quickstart:  ## a new environment, then the whole method on the embedded corpus of synthetic voices
	@tools/environment.sh synthetic
	@$(VENV)/bin/hamiltone quickstart

test:  ## environment, then the tests
	@tools/environment.sh $(EXTRAS)
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile

lint:  ## style, types, and which folder may import which
	@tools/environment.sh lint,$(EXTRAS)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/pyright --pythonpath $(VENV)/bin/python

bench:  ## time and memory, as ratios within one run, beside their targets; AGAINST=PYTHON compares with SpeechBrain
	@tools/environment.sh $(EXTRAS)
	@$(VENV)/bin/hamiltone bench $(if $(AGAINST),--against $(AGAINST))

clean:  ## remove the environment and everything that a run of the quickstart leaves
	rm -rf $(VENV) runs
