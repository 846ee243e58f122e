# Each target sets up what it needs in .venv; nothing but Python 3.11+, git and make is required.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# 200,000 random steps take hours: STEPS=20000 for a shorter night
STEPS ?= 200000

.PHONY: demo test faults nightly check bench clean

$(VENV)/.run: pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("gitconvoy needs Python 3.11 or newer; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.test: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

$(VENV)/.dev: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,dev]'
	touch $@

demo: $(VENV)/.run ## set up and run the main job end to end in a temporary repository
	$(BIN)/gitconvoy demo

test: $(VENV)/.test ## set up and run every test
	$(BIN)/python -m pytest -n 2 $(TESTARGS)

faults: $(VENV)/.test ## every write that a process can die at, random kills, races: half an hour
	GITCONVOY_KILL_EVERY=1 $(BIN)/python -m pytest -n 2 tests/e2e/test_kill_sweep.py tests/e2e/test_run_sweep.py
	$(BIN)/python tests/soak/kills.py --minutes 5
	$(BIN)/python tests/soak/races.py --seconds 120 --processes 16

nightly: faults ## faults, and 200,000 steps of random histories
	GITCONVOY_STEPS=$(STEPS) $(BIN)/python -m pytest -n 2 tests/stateful

check: $(VENV)/.dev ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test ## what a commit costs with hooks and without, and what the board does
	$(BIN)/python benchmarks/hooks.py
	$(BIN)/python benchmarks/board.py

clean:
	rm -rf $(VENV)
