# Every target makes .venv by itself; it needs Python 3.11 or newer with pip, and make.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
BIN := .venv/bin
PARALLEL := -n 2 --dist loadfile

.PHONY: demo test test-slow bench check format clean

demo: .venv/ready        ## the whole effect on an embedded corpus, a few minutes on two cores
	$(BIN)/ontarget demo

test: .venv/ready        ## all tests, offline
	$(BIN)/pytest $(PARALLEL)

test-slow: .venv/ready   ## the tests that take minutes
	$(BIN)/pytest -m slow

bench: .venv/ready       ## every benchmark, as ratios measured in one run
	@for name in loss gradients step muon plan identify clean report trl_step; do \
		$(BIN)/python benchmarks/$$name.py || exit 1; done

check: .venv/ready       ## the inner loop: format, lint, types, tests, coverage of the pure rows
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/pytest $(PARALLEL) --cov --cov-report=term-missing:skip-covered

format: .venv/ready
	$(BIN)/ruff format src tests benchmarks
	$(BIN)/ruff check --fix src tests benchmarks

clean:
	rm -rf .venv runs

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "make: Python 3.11 or newer is needed; name one with make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
