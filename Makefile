# Two commands for users: `make quickstart` and `make test`; for contributors: `make hooks`, `make lint`, `make bench`,
# `make soak`, `make recognisers`, `make docs`.
VENV ?= .venv
PYTHON ?= python3
EXTRAS := align,audformat,docs,media,mlflow,onnx,ray,serve,synthetic,tensorboard,test
export VENV PYTHON

.PHONY: quickstart test soak onnx-example lint hooks bench recognisers docs clean
.DEFAULT_GOAL := quickstart

quickstart:  ## a new environment, then the whole method on the embedded corpus of synthetic voices
	@tools/environment.sh synthetic
	@$(VENV)/bin/hamiltone quickstart

test:  ## environment, then the tests
	@tools/environment.sh $(EXTRAS)
	@$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile

soak: report := runs/soak.xml
soak:  ## what it takes to break promises: kills, full disks, hostile input, half an hour; figures for docs/reliability.md
	@tools/environment.sh $(EXTRAS)
	@mkdir -p $(dir $(report))
	@$(VENV)/bin/python -m pytest -m soak --numprocesses 2 --dist worksteal --junitxml $(report) tests/reliability
	@$(VENV)/bin/python -m benchmarks.soak $(report)

onnx-example: bare := $(VENV)-bare
onnx-example:  ## examples/onnx_predict.py in an environment with the four packages that it names, and no torch
	@tools/environment.sh $(EXTRAS)
	@$(PYTHON) -m venv --clear $(bare)
	@$(bare)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		numpy onnxruntime soundfile soxr
	@HAMILTONE_BARE_PYTHON=$(bare)/bin/python $(VENV)/bin/python -m pytest tests/service/test_onnx.py -k example

lint:  ## style, types, which folder may import which, and known faults of the pinned packages
	@tools/environment.sh lint,$(EXTRAS)
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/pyright --pythonpath $(VENV)/bin/python
	@$(VENV)/bin/python -m tools.audit

hooks:  ## the checks of lint on what is committed, before each commit
	@tools/environment.sh lint,$(EXTRAS)
	@$(VENV)/bin/pre-commit install

bench:  ## time and memory, as ratios within one run, beside their targets; AGAINST=PYTHON compares with SpeechBrain
	@tools/environment.sh $(EXTRAS)
	@$(VENV)/bin/python -m benchmarks.speed $(if $(AGAINST),--against $(AGAINST))

FROZEN := speaker word vgg/rh-emo-1 vgg/rh-emo-2 vgg/word vgg/speaker
recognisers: results := $(if $(RESULTS),--results $(RESULTS))
recognisers:  ## docs/recognisers.md: trains and tests what is not done yet; RESULTS=FOLDER tests all of it anew, there
	@tools/environment.sh $(EXTRAS),baselines
	@$(if $(RESULTS),for network in $(FROZEN); do $(VENV)/bin/hamiltone pretrain configs/recognisers/$$network.toml || exit 1; done)
	@$(VENV)/bin/python -m benchmarks.recognisers $(results) train --why "$(if $(RESULTS),the same again,its protocol names it)"
	@$(VENV)/bin/python -m benchmarks.recognisers $(results) page

docs:  ## the documentation site in site/, with the examples as notebooks; a warning is an error
	@tools/environment.sh docs,serve
	@$(VENV)/bin/python -m sphinx --builder html --fresh-env --fail-on-warning --keep-going --quiet docs site
	@echo "open site/index.html"

clean:  ## remove the environment and everything that a run of the quickstart leaves
	rm -rf $(VENV) $(VENV)-bare runs site docs/made
