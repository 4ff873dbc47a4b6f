# Every command does its own set-up in .venv.  For users: `make demo`.  For developers: `make lint`, `make types`,
# `make quick` while working, `make test` before merging; .ci/run runs lint, types and test.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

DEMO_CLIP ?= samples/balls.mp4
DEMO_CRF ?= 32
DEMO_NAME := $(basename $(notdir $(DEMO_CLIP)))

.PHONY: help demo lint types quick test samples clean

help:
	@echo "make demo     encode a sample, decode it again, print sizes; the files are in out/"
	@echo "make lint     ruff: rules and formatting"
	@echo "make types    mypy"
	@echo "make quick    run the tests that take seconds"
	@echo "make test     run every test"
	@echo "make samples  make samples/ again from scikit-image's pictures"
	@echo "make clean    remove .venv and out/"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	@echo "installing into .venv (once; torch is a large download)"
	$(PIP_INSTALL) setuptools
	$(PIP_INSTALL) --no-build-isolation --editable ".[test,fuzz,dev]"
	@touch $@

demo: $(INSTALLED)
	@mkdir -p out
	$(BIN)/videocodec encode $(DEMO_CLIP) out/$(DEMO_NAME).latent.mp4 --crf $(DEMO_CRF) -y
	$(BIN)/videocodec verify out/$(DEMO_NAME).latent.mp4
	$(BIN)/videocodec info out/$(DEMO_NAME).latent.mp4
	$(BIN)/videocodec decode out/$(DEMO_NAME).latent.mp4 out/$(DEMO_NAME).decoded.mp4 -y
	@echo
	@echo "bytes of the original, of the latent-video file, and of the decoded copy to play (an ordinary mp4):"
	@wc -c $(DEMO_CLIP) out/$(DEMO_NAME).latent.mp4 out/$(DEMO_NAME).decoded.mp4 | sed '$$d'

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

quick: $(INSTALLED)
	$(PYTEST) -m "not slow"

test: $(INSTALLED)
	$(PYTEST)

samples: $(INSTALLED)
	$(PIP_INSTALL) --no-build-isolation --editable ".[samples]"
	$(BIN)/python -m tools.pictures.samples samples

clean:
	rm -rf .venv out
