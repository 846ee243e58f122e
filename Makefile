# Each target sets up what it needs in .venv; nothing but Python 3.11+, git and make is required.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# 200,000 random steps take hours: STEPS=20000 for a shorter night
STEPS ?= 200000

.PHONY: demo test faults nightly check bench bench-quick bench-peers clean

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

bench: $(VENV)/.test ## every figure of docs/performance.md, 100 to 100,000 beads: an hour; it may be stopped and taken up again
	$(BIN)/python -m benchmarks $(BENCHARGS)

bench-quick: $(VENV)/.test ## the same at small sizes: fails on a wrong answer, never on time
	$(BIN)/python -m benchmarks --quick

bench-peers: $(VENV)/.test ## the same work through other trackers, those that are installed
	$(BIN)/python -m benchmarks.peers

clean:
	rm -rf $(VENV)
