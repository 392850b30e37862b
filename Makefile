# Every target sets up what it needs in .venv; python3 (3.11 or newer) and make are enough on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: book test coverage lint bench clean lock

book: $(READY)
	@$(BIN)/python -m capmodel book

test: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python scripts/browser.py
	@$(BIN)/python -m capmodel book
	@$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

# Which lines and branches of the package the tests take, those of the programs that they start included. Tests of the
# site that do not hold it against the package are left out: what they run is JavaScript, or whole builds.
SITE_TESTS := accessibility robustness_book site
coverage: $(READY)
	@$(BIN)/python scripts/browser.py
	@$(BIN)/python -m capmodel book
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n auto --dist loadfile --no-loadscope-reorder $(SITE_TESTS:%=--ignore=tests/test_%.py)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered --show-missing --fail-under=95

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(READY)
	@$(BIN)/python bench/run.py
	@$(BIN)/python scripts/browser.py
	@$(BIN)/python -m capmodel book
	@$(BIN)/python bench/site.py
	@$(BIN)/python bench/size.py
	@$(BIN)/python bench/measurements.py

clean:
	rm -rf _build dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Needs a network; run after a change of the dependencies in pyproject.toml.
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet pip-tools
	$(VENV)-lock/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --allow-unsafe --strip-extras --extra book --extra dev \
		--output-file requirements.lock pyproject.toml

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "capmodel needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $(READY)
