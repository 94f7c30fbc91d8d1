# Everything here sets itself up: Python 3.11 or newer with venv and pip is all that has to be there.
# .venv holds the application and the tools, .venv-sam the SAM CLI (which pins its own world), .venv-fuzz atheris,
# .venv-analysers what looks for security mistakes in the template (checkov pins a world of its own, too), .venv-uv what
# fills the others.

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
UV := .venv-uv/.uv-$(call fingerprint,requirements/uv.txt)
APP := .venv/.app-$(call fingerprint,requirements/app.txt pyproject.toml)
DEV := .venv/.dev-$(call fingerprint,requirements/dev.txt pyproject.toml)
SAM := .venv-sam/.sam-$(call fingerprint,requirements/sam.txt)
FUZZ := .venv-fuzz/.fuzz-$(call fingerprint,requirements/fuzz.txt)
ANALYSERS := .venv-analysers/.analysers-$(call fingerprint,requirements/analysers.txt)

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
TESTS ?= tests
COVERAGE_AT_LEAST := 90
ARCHITECTURE ?= arm64
FUZZ_SECONDS ?= 60
FUZZ_FAMILIES ?= events messages manifests files requests records words
SIMULATE ?= --days 10000 --jobs 2

# What two steps at once say comes one after the other (make 3.81, as on macOS, cannot and mixes it).
IN_ORDER := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# Reading all tests takes a quarter of a minute: where none starts a sandbox (tests/conftest.py holds that) none is read.
WITHOUT_SANDBOX := $(foreach folder,contract fuzzing properties samlocal unit,--ignore tests/$(folder))

# pytest answers 5 when it finds no tests: wrong for all tests, fine for the part that TESTS names.
some_may_have_none := || { [ $$? -eq 5 ] && [ "$(TESTS)" != tests ]; }

.PHONY: help demo demo-scaling test check bench bench-peers simulate fuzz lock sam sam-validate sam-build sam-local native environments format lint types imports template clean

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------- what people run

demo: $(APP)  ## the whole thing on this machine: a service of real processes, killed and healed
	@$(BIN)/python -m headcount_sandbox.demo

demo-scaling: $(DEV)  ## real load on real processes: scaled out by CPU alarms and back in, drawn at the end (two minutes)
	@$(BIN)/python -m headcount_sandbox.demo_scaling

test: $(DEV)  ## all tests
	@$(PYTEST) -q -n 2 --dist worksteal -m "not sandbox" $(COVERAGE) $(TESTS) $(some_may_have_none)
	@$(PYTEST) -q -n 2 --dist loadfile -m "sandbox and not e2e" $(WITHOUT_SANDBOX) $(TESTS) $(some_may_have_none)
	@$(PYTEST) -q -n 4 --dist loadfile --no-loadscope-reorder -m e2e $(WITHOUT_SANDBOX) $(TESTS) $(some_may_have_none)

check:  ## everything that must hold before a commit is shared
	@$(MAKE) -j 2 environments
	@$(MAKE) -j 2 $(IN_ORDER) native types template sam-build sam-validate imports lint format
	@echo "== pytest, with coverage"
	@$(MAKE) test COVERAGE="--cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE_AT_LEAST)"

bench: $(DEV)  ## measurements of the promises that are about speed and size
	@$(BIN)/python -m bench

bench-peers: $(DEV)  ## the same failures and growth at Docker Swarm, beside Headcount: needs root, brings an engine of its own
	@$(BIN)/python -m bench peers

sam: sam-validate  ## validate the template and build what is deployed into .aws-sam/ (ARCHITECTURE=x86_64 for the other one)
	@$(MAKE) sam-build NEEDS_313=1

sam-local:  ## the same stories in containers, by `sam local`: brings an engine and an image of its own, and ends both
	@$(MAKE) -j 2 environments
	@echo "== sam local"
	@$(PYTEST) -q --maxfail 10 tests/samlocal/containers.py

simulate: $(DEV)  ## the real loop on virtual time: 10,000 service-days with every fault (SIMULATE="--days 500 --seed 7" for others)
	@$(BIN)/headcount-sim run $(SIMULATE)
	@$(BIN)/headcount-sim known
	@$(BIN)/headcount-sim mutate
	@$(BIN)/headcount-sim crash-points
	@$(BIN)/headcount-sim mass-loss
	@$(BIN)/headcount-sim all-failing
	@$(BIN)/headcount-sim zone-loss
	@$(BIN)/headcount-sim fleet

# Where atheris cannot be installed there is nothing to run: the same checks run with Hypothesis in `make test`.
fuzz:  ## every parser, guided by coverage (FUZZ_SECONDS=60 each, FUZZ_FAMILIES="events files" for some)
	@$(MAKE) $(FUZZ) >.fuzz.log 2>&1 || \
		echo "skipped: atheris does not install here ($$(grep -m 1 -i error .fuzz.log || tail -n 1 .fuzz.log))"; rm -f .fuzz.log
	@if [ -e $(FUZZ) ]; then for family in $(FUZZ_FAMILIES); do \
		echo "== fuzz $$family"; \
		nice .venv-fuzz/bin/python -m fuzz $$family -max_total_time=$(FUZZ_SECONDS) -verbosity=0 2>&1 \
			| { grep -v -E "^(INFO|WARNING):" || true; }; \
	done; fi

lock: $(DEV)  ## pin requirements again (LOCK_FLAGS=--upgrade for newer versions)
	@$(call compile,requirements/layer.in,layers/headcount/requirements.txt)
	@$(call compile,requirements/uv.in,requirements/uv.txt)
	@$(call compile,requirements/app.in,requirements/app.txt)
	@$(call compile,requirements/dev.in,requirements/dev.txt)
	@$(call compile,requirements/sam.in,requirements/sam.txt)
	@$(call compile,requirements/fuzz.in,requirements/fuzz.txt)
	@$(call compile,requirements/analysers.in,requirements/analysers.txt)

clean:  ## remove everything that was made here
	@rm -rf .headcount .venv .venv-sam .venv-fuzz .venv-analysers .venv-uv .fuzz .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage* htmlcov bench/out

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
	@MYPYPATH=tests $(BIN)/mypy -p samlocal -p bench

imports: $(DEV)
	@echo "== import contracts"
	@$(BIN)/lint-imports

# The analysers read what would be deployed (every function of CloudFormation resolved): what they cannot resolve they skip.
template: $(DEV) $(ANALYSERS)
	@echo "== cfn-lint"
	@$(BIN)/cfn-lint template.yaml
	@echo "== checkov, parliament"
	@PYTHONPATH=tests $(BIN)/python -m unit.template.analysers.deployed .venv-analysers/deployed
	@.venv-analysers/bin/checkov --config-file .checkov.yaml -f .venv-analysers/deployed/template.json </dev/null >.venv-analysers/checkov.log 2>&1 \
		|| { cat .venv-analysers/checkov.log; exit 1; }
	@.venv-analysers/bin/python -W ignore:pkg_resources tests/unit/template/analysers/parliament_check.py .venv-analysers/deployed/policies

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

# Named to pytest, because they build: neither is collected with the other tests.
native: $(DEV) $(SAM)  ## every story of events/ under Lambda's own runtime, from what `sam build` makes; no Docker
	@echo "== native runtime"
	@$(PYTEST) -q --maxfail 10 tests/samlocal/native.py

# ------------------------------------------------------------------------------------------------------------- set-up

define python_is_there
	@"$(PYTHON)" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Headcount needs Python 3.11 or newer with its venv module (Debian: apt install python3-venv)." \
		"Looked at: $(or $(PYTHON),python3.13 python3.12 python3.11 python3)." \
		"Name one with: make $(MAKECMDGOALS) PYTHON=path/to/python3" >&2; exit 1; }
endef

environments: $(DEV) $(SAM) $(ANALYSERS)
	@:

# The locks are complete, so --no-deps: nothing is resolved (and pip does not stumble over extras that locks leave out).
# An environment whose interpreter is gone is made anew.
define environment
	$(python_is_there)
	@$(1)/bin/python -c '' 2>/dev/null || { rm -rf $(1); "$(PYTHON)" -m venv $(1); }
endef

# uv first; pip where uv is not to be had or fails: it reads a configuration of indexes and proxies that uv does not know.
define install
	@.venv-uv/bin/uv pip install --quiet --python $(1)/bin/python --no-deps $(2) 2>.venv-uv/$(1).log \
		|| $(1)/bin/python -m pip install --quiet --no-deps $(2)
endef

define compile
	echo "locking $(1)"; $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" $(LOCK_FLAGS) $(1) -o $(2)
endef

$(UV):
	$(call environment,.venv-uv)
	@.venv-uv/bin/python -m pip install --quiet --no-deps --only-binary :all: --require-hashes -r requirements/uv.txt 2>.venv-uv/pip.log \
		|| echo "uv does not install here (.venv-uv/pip.log): pip sets up what follows, more slowly"
	@rm -f .venv-uv/.uv-*; touch $@

$(APP): | $(UV)
	@echo "Setting up .venv with $(PYTHON) (once, about ten seconds)"
	$(call environment,.venv)
	$(call install,.venv,--require-hashes -r requirements/app.txt)
	$(call install,.venv,--no-build-isolation --editable .)
	@rm -f .venv/.app-*; touch $@

$(DEV): | $(UV)
	@echo "Setting up .venv with $(PYTHON), tools and tests included (once, about twenty seconds)"
	$(call environment,.venv)
	$(call install,.venv,--require-hashes -r requirements/dev.txt)
	$(call install,.venv,--no-build-isolation --editable .)
	@rm -f .venv/.app-* .venv/.dev-*; touch $(APP) $@

$(SAM): | $(UV)
	@echo "Setting up .venv-sam, the SAM CLI (once, about ten seconds)"
	$(call environment,.venv-sam)
	$(call install,.venv-sam,--require-hashes -r requirements/sam.txt)
	@rm -f .venv-sam/.sam-*; touch $@

$(ANALYSERS): | $(UV)
	@echo "Setting up .venv-analysers, checkov and parliament (once, about twenty seconds)"
	$(call environment,.venv-analysers)
	$(call install,.venv-analysers,--require-hashes -r requirements/analysers.txt)
	@rm -f .venv-analysers/.analysers-*; touch $@

$(FUZZ): | $(UV)
	$(call environment,.venv-fuzz)
	$(call install,.venv-fuzz,--only-binary :all: --require-hashes -r requirements/fuzz.txt)
	@rm -f .venv-fuzz/.fuzz-*; touch $@
