# Two commands do all the set-up on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lab lint bench trials pictures wheels clean
.PHONY: switchovers proofs failovers nights killed tampering versions

demo: $(VENV)/.installed
	$(BIN)/python -m tests.embedded.demo

# Tests in which a second of patience counts, and the browser's: after the others, in fewer processes.
QUIET := tests/browser tests/lab/test_networks.py

test: $(VENV)/.installed lint
	$(BIN)/python -m pytest -n 4 --dist loadfile $(QUIET:%=--ignore=%)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(QUIET)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python -m tests.bench

trials: $(VENV)/.installed
	$(BIN)/python -m tests.trials $(filter-out trials,$(MAKECMDGOALS))

# `make trials versions` runs only that one.
switchovers proofs failovers nights killed tampering versions:
	@:

pictures: $(VENV)/.installed
	$(BIN)/python -m tests.browser.pictures

lab: $(VENV)/.installed
	@exec $(BIN)/python -m tests.embedded.desk

# For a machine without a network, of the same processor and with the same Python: docs/first-pair.md.
EXTRAS ?= jupyterlab
wheels:
	rm -rf build
	$(PYTHON) -m pip wheel --wheel-dir $@ '.[$(EXTRAS)]' 'setuptools>=77'
	rm -rf build

$(VENV)/.installed: pyproject.toml requirements.txt install.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is `$(PYTHON) --version`; Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python install.py jupyterlab,lab,test
	@# else each process compiles all of it where nothing may be written
	@echo "Compiling"
	@$(BIN)/python -m compileall -q pgha_helpers tests
	@$(BIN)/jupyter labextension disable --level=sys_prefix '@jupyterlab/apputils-extension:announcements' >/dev/null 2>&1
	@touch $@

clean:
	-test -x $(BIN)/python && $(BIN)/python -m tests.embedded down --remove
	rm -rf $(VENV) .lab .pytest_cache .mypy_cache .ruff_cache build wheels *.egg-info
