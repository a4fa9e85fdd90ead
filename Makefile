# Everything starts from a clone and Python 3.11 or newer: `make demo` is the first thing to try.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input --cache-dir $(CURDIR)/.tools/pip
RESTATE := @restatedev/restate-server@1.7.12
say = @if [ -t 1 ]; then printf '\033[1;36m%-9s\033[0m %s\n' '$(1)' '$(2)'; else printf '%-9s %s\n' '$(1)' '$(2)'; fi

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-bench demo up test simulate bench check format docs lock clean
.DELETE_ON_ERROR:

help: ## List the targets
	@if [ -t 1 ]; then bold='\033[1m' blue='\033[36m' off='\033[0m'; fi; \
	printf "\n$${bold}Q2C Mesh$${off}  from a signed quote to cash\n\n"; \
	awk -F ':.*## ' "/^[a-z-]+:.*## / { printf \"  $${blue}make %-9s$${off} %s\n\", \$$1, \$$2 }" $(MAKEFILE_LIST); \
	printf "\nThe command itself is $(BIN)/q2c: try $${blue}$(BIN)/q2c --help$${off} after make setup.\n\n"

setup: .venv/.ready ## Make .venv and install what runs the mesh
	@:

setup-dev: .venv/.ready-dev
	@:

setup-bench: .venv/.ready-bench
	@:

demo: setup ## Play a consulting firm's half-year and check the books, in under a minute
	@$(BIN)/q2c demo

up: setup ## Keep the mesh running on this machine; Ctrl-C drains it
	@$(BIN)/q2c up

test: setup-dev ## Run all tests: rules first, then the mesh on a real log
	$(call say,rules,every branch of every decision)
	@$(BIN)/coverage run -m pytest -q tests/pure
	@$(BIN)/coverage report
	$(call say,mesh,real processes on a real log)
	@PATH="$(CURDIR)/.tools:$$PATH" $(BIN)/python -m pytest -q -n 2 --dist=loadfile \
		tests/contracts tests/architecture tests/runtime tests/scenarios tests/faults
	$(call say,simulated,two thousand lives of a fleet that is harmed)
	@$(BIN)/python -m pytest -q -n 2 tests/simulation

simulate: setup-dev ## Harm a simulated fleet: SEED=n for one again, RUNS=n for new ones, STORY=toys|firm|hurry
	@$(BIN)/python -m tests.simulation --story $(or $(STORY),toys) $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS))

bench: setup-bench ## Measure speed beside its peers (a quarter of an hour; OPTIONS=--quick for a minute)
	@$(BIN)/python -m tests.bench $(OPTIONS)

check: setup-dev ## Format, lint, types, imports, purity, and whether generated files are current
	$(call say,format,ruff format)
	@$(BIN)/ruff format --check --quiet .
	$(call say,lint,ruff check)
	@$(BIN)/ruff check --quiet .
	$(call say,types,mypy --strict)
	@$(BIN)/mypy --no-error-summary
	$(call say,imports,who may import whom)
	@$(BIN)/lint-imports --no-logo
	$(call say,purity,what a decision may know)
	@$(BIN)/python -m pytest -q tests/architecture tests/contracts
	$(call say,docs,catalogue and schemas)
	@$(BIN)/python -m infra.documents --check

format: setup-dev ## Put the code in shape
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

docs: setup ## Write the catalogue, schemas and missing samples anew from the contracts
	@$(BIN)/python -m infra.documents

lock: ## Choose the versions of all dependencies anew
	@test -x .tools/lock/bin/uv || { $(PYTHON) -m venv .tools/lock && .tools/lock/bin/python -m pip --quiet install uv==0.13.9; }
	@for extra in '' dev bench; do \
		.tools/lock/bin/uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes \
			--custom-compile-command 'make lock' pyproject.toml --group build \
			$${extra:+--group $$extra --constraint requirements.lock} --output-file requirements$${extra:+-$$extra}.lock; \
	done

clean: ## Remove everything that make has made
	@rm -rf .venv .tools build data .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Python 3.11 or newer is needed: name one, as in  make PYTHON=python3.12 setup'; exit 1; }
	$(call say,setup,a virtual environment in .venv)
	@$(PYTHON) -m venv .venv || { echo 'Python cannot make a virtual environment: install its venv package'; exit 1; }

.venv/.ready: requirements.lock pyproject.toml | .venv/bin/python
	$(call say,setup,pinned dependencies: $(shell grep -c '==' requirements.lock) packages)
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

.venv/.ready-dev: requirements-dev.lock .venv/.ready
	$(call say,setup,what checks and tests the code)
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

.venv/.ready-bench: requirements-bench.lock .venv/.ready
	$(call say,setup,what measures speed and what it is measured beside)
	@$(PIP) install --require-hashes --requirement requirements-bench.lock
	@if command -v npm >/dev/null; then npm install --silent --no-audit --no-fund --no-save --no-package-lock \
		--prefix .tools/restate $(RESTATE); else echo 'without npm there is no Restate to measure'; fi
	@touch $@
