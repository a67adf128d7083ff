# Two commands, each doing all of its own set-up; needs only python3 >= 3.11 (with venv) and make.
#   make demo   run the Hall-bar example into results/hall_bar
#   make test   lint, type-check and test, with every extra that has a wheel
# and three for trust: make validation (a report of every equation), make docs (needs the network once, for Sphinx),
# make jobs (what a user types, from the wheel in a fresh environment; needs the network).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test test-lowest validation jobs docs images clean

demo: $(VENV)/runtime.stamp
	$(BIN)/ohmr-fem run examples/hall_bar.toml --out results/hall_bar

test: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

# The lower bounds of pyproject.toml, in an environment of their own (uv resolves them). Slow: not in CI.
LOWEST := .venv-lowest
test-lowest:
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet uv
	$(LOWEST)/bin/uv pip install --python $(LOWEST)/bin/python --resolution lowest-direct \
		-e '.[dev,mesh,netgen,layout,solvers,view,fit,study]'
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -n 2

validation: $(VENV)/dev.stamp
	$(BIN)/python -m validation --out results/validation

jobs: $(VENV)/dev.stamp
	$(BIN)/python tests/jobs/from_wheel.py

docs: $(VENV)/runtime.stamp
	$(PIP) install -e '.[docs]'
	$(BIN)/python -m sphinx -W -b html docs results/docs

# The pictures of the README, from a fresh run of the example, and the figures of the paper.
images: demo
	mkdir -p docs/images
	cp results/hall_bar/hanle.png docs/images/hanle.png
	cp results/hall_bar/moment_density_0.png docs/images/moment_density.png
	$(BIN)/python -m validation.figures --out docs/images

$(VENV)/runtime.stamp: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ohmr_fem needs Python 3.11 or later: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/runtime.stamp
	$(PIP) install --require-hashes -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) results build *.egg-info .pytest_cache .mypy_cache .ruff_cache
