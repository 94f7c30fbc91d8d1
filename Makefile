# Everything here sets itself up: Python 3.11 or newer with venv and pip is all that has to be there.
# .venv holds the application and the tools, .venv-sam the SAM CLI (which pins its own world).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= us-east-1

# The first interpreter that really runs, is new enough and can make virtual environments (a pyenv shim may exist and fail).
PYTHON ?= $(shell for candidate in python3.13 python3.12 python3.11 python3 /usr/bin/python3; do \
	found=$$($$candidate -c 'import sys, venv, ensurepip; sys.version_info >= (3, 11) and print(sys.executable)' 2>/dev/null </dev/null) \
	&& [ -n "$$found" ] && echo "$$found" && break; done)

# A stamp is named after what it was made from: another lock, another stamp, another installation.
fingerprint = $(shell cat $(1) | cksum | cut -d ' ' -f 1)
APP := .venv/.app-$(call fingerprint,requirements/app.txt pyproject.toml)
DEV := .venv/.dev-$(call fingerprint,requirements/dev.txt pyproject.toml)
SAM := .venv-sam/.sam-$(call fingerprint,requirements/sam.txt)

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
TESTS ?= tests
COVERAGE_AT_LEAST := 90
ARCHITECTURE ?= arm64
SIMULATE ?= --days 10000 --jobs 2

# pytest answers 5 when it finds no tests: wrong for all tests, fine for the part that TESTS names.
some_may_have_none := || { [ $$? -eq 5 ] && [ "$(TESTS)" != tests ]; }

.PHONY: help demo test check bench simulate lock sam sam-validate sam-build format lint types imports template coverage clean

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------- what people run

demo: $(APP)  ## the whole thing on this machine: a service of real processes, killed and healed
	@$(BIN)/python -m headcount_sandbox.demo

test: $(DEV)  ## all tests
	@$(PYTEST) -q -n 2 -m "not sandbox" $(TESTS) $(some_may_have_none)
	@$(PYTEST) -q -m "sandbox and not e2e" $(TESTS) $(some_may_have_none)
	@$(PYTEST) -q -n 2 --dist loadfile -m e2e $(TESTS) $(some_may_have_none)

check: format lint types imports template sam-validate sam-build coverage  ## everything that must hold before a commit is shared

bench: $(DEV)  ## measurements of the promises that are about speed and size
	@$(BIN)/python -m bench

sam: sam-validate  ## validate the template and build what is deployed into .aws-sam/ (ARCHITECTURE=x86_64 for the other one)
	@$(MAKE) sam-build NEEDS_313=1

simulate: $(DEV)  ## the real loop on virtual time: 10,000 service-days with every fault (SIMULATE="--days 500 --seed 7" for others)
	@$(BIN)/headcount-sim run $(SIMULATE)
	@$(BIN)/headcount-sim known
	@$(BIN)/headcount-sim mutate
	@$(BIN)/headcount-sim crash-points

lock: $(DEV)  ## pin requirements again (LOCK_FLAGS=--upgrade for newer versions)
	@$(call compile,requirements/layer.in,layers/headcount/requirements.txt)
	@$(call compile,requirements/app.in,requirements/app.txt)
	@$(call compile,requirements/dev.in,requirements/dev.txt)
	@$(call compile,requirements/sam.in,requirements/sam.txt)

clean:  ## remove everything that was made here
	@rm -rf .headcount .venv .venv-sam .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage* htmlcov bench/out

# ------------------------------------------------------------------------------------------------- the steps of check

format: $(DEV)
	@echo "== ruff format"
	@$(BIN)/ruff format --check --quiet .

lint: $(DEV)
	@echo "== ruff check"
	@$(BIN)/ruff check --quiet .

types: $(DEV)
	@echo "== mypy --strict"
	@$(BIN)/mypy

imports: $(DEV)
	@echo "== import contracts"
	@$(BIN)/lint-imports

template: $(DEV)
	@echo "== cfn-lint"
	@$(BIN)/cfn-lint template.yaml

sam-validate: $(SAM)
	@echo "== sam validate --lint"
	@.venv-sam/bin/sam validate --lint </dev/null

# SAM wants the runtime's own Python on PATH and refuses pyenv's shims, so the folder of a real 3.13 goes in front.
sam-build: $(SAM)
	@echo "== sam build"
	@found=$$( { python3.13 -c 'import sys; print(sys.executable)' || ls -d "$$(pyenv root)"/versions/3.13*/bin/python3.13 | tail -n 1; } 2>/dev/null </dev/null) || true; \
	if [ -z "$$found" ]; then \
		echo "sam build needs Python 3.13, the functions' runtime, and none was found: apt, brew or 'pyenv install 3.13' bring it."; \
		[ -z "$(NEEDS_313)" ] || exit 1; echo "skipped"; exit 0; \
	fi; \
	PATH="$(CURDIR)/.venv-sam/bin:$$(dirname "$$found"):$$PATH" .venv-sam/bin/sam build --parameter-overrides Architecture=$(ARCHITECTURE) </dev/null >.venv-sam/build.log 2>&1 \
		|| { cat .venv-sam/build.log; exit 1; }; \
	du -sk .aws-sam/build/HeadcountLayer | awk '{printf "built for $(ARCHITECTURE); the layer is %.1f MB unzipped\n", $$1 / 1024}'

coverage: $(DEV)
	@echo "== pytest, with coverage"
	@$(PYTEST) -q -n 2 -m "not sandbox" --cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE_AT_LEAST) $(TESTS)

# ------------------------------------------------------------------------------------------------------------- set-up

define python_is_there
	@"$(PYTHON)" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Headcount needs Python 3.11 or newer with its venv module (Debian: apt install python3-venv)." \
		"Looked at: $(or $(PYTHON),python3.13 python3.12 python3.11 python3)." \
		"Name one with: make $(MAKECMDGOALS) PYTHON=path/to/python3" >&2; exit 1; }
endef

# The locks are complete, so --no-deps: pip then resolves nothing (and does not stumble over extras that locks leave out).
# An environment whose interpreter is gone is made anew.
define environment
	@$(1)/bin/python -c '' 2>/dev/null || { rm -rf $(1); "$(PYTHON)" -m venv $(1); }
endef

define compile
	echo "locking $(1)"; $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" $(LOCK_FLAGS) $(1) -o $(2)
endef

$(APP):
	$(python_is_there)
	@echo "Setting up .venv with $(PYTHON) (once, about half a minute)"
	$(call environment,.venv)
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/app.txt
	@$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@rm -f .venv/.app-*; touch $@

$(DEV):
	$(python_is_there)
	@echo "Setting up .venv with $(PYTHON), tools and tests included (once, about a minute)"
	$(call environment,.venv)
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@rm -f .venv/.app-* .venv/.dev-*; touch $(APP) $@

$(SAM):
	$(python_is_there)
	@echo "Setting up .venv-sam, the SAM CLI (once, about half a minute)"
	$(call environment,.venv-sam)
	@.venv-sam/bin/python -m pip install --quiet --no-deps --require-hashes -r requirements/sam.txt
	@rm -f .venv-sam/.sam-*; touch $@
