# make demo   sets up and runs the whole chain on a fictional corner store
# make test   sets up and passes the tests
# make check  ruff (lint and format) and mypy, strict on runtime/
# make models trains and exports the shipped bundles again (over an hour on 2 cores)
# make bench  cold start, installed size, cost of the demo
# make docs   docs/cli.md and docs/config.md from the code
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DATA ?= ../shared/data

.PHONY: demo test check docs models bench clean

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "endcap needs Python 3.11 or later; name one with: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu,train,dev]'
	touch $@

demo: $(VENV)/.installed
	rm -rf build/demo
	$(BIN)/endcap demo --out build/demo

test: $(VENV)/.installed
	$(BIN)/python -m pytest

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict runtime
	$(BIN)/mypy trainer export

docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.installed_size
	$(BIN)/python -m benchmarks.cold_start
	$(BIN)/python -m benchmarks.demo_cost

clean:
	rm -rf build $(VENV) .mypy_cache .pytest_cache .ruff_cache
