# evotickets. `make help` lists the targets; all but help and clean set up .venv first.
CONFIG ?= config/config.yaml
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
PROFILE ?= default
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all lint schema report verify ui sync bench torture clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile
	@echo "  variables: CONFIG=$(CONFIG) CORES=$(CORES) PROFILE=$(PROFILE) PYTHON=$(PYTHON)"

setup: .venv/installed ## Set up .venv (once; again only when the dependencies change)

# An environment whose Python is gone is none, whatever its mark says.
.venv/installed: pyproject.toml constraints.txt $(shell test -x $(BIN)/python || echo FORCE)
	@$(PYTHON) workflow/environment.py

FORCE:

run: setup ## Run a study: make run CONFIG=config/config.yaml CORES=2 PROFILE=default
	@$(BIN)/evotickets run "$(CONFIG)" --cores "$(CORES)" --profile "$(PROFILE)"

report: setup ## Write the report of a study: make report CONFIG=config/config.yaml
	@$(BIN)/evotickets report "$(CONFIG)"

verify: setup ## Read all files of a study back: make verify CONFIG=config/config.yaml
	@$(BIN)/evotickets verify "$(CONFIG)"

ui: setup ## Serve the tracking UI and print its address
	@$(BIN)/evotickets ui

sync: setup ## Bring the tracking store up to date with all results
	@$(BIN)/evotickets sync

test: setup ## Run the tests, the miniature study included
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

test-all: setup ## Run all tests, those that take long included
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m ""

lint: setup ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/snakefmt --check Snakefile workflow

schema: setup ## Write the schema of configurations anew, after an option or a part has changed
	@$(BIN)/python -m evotickets.configuration.schema

bench: setup ## Measure speed beside peers, in an environment of their own
	@$(PYTHON) benchmarks/setup.py
	@.bench-venv/bin/python benchmarks/run.py --out results/benchmarks.parquet

torture: setup ## Kill, starve and damage a small study of all systems at random, and compare tables
	@$(BIN)/python -m tests.torture

clean: ## Delete results and caches; .venv, resources and the tracking store stay
	rm -rf results .cache .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis
