# Everything runs in .venv, which is made on the first use and made anew when the lock files change.
PYTHON ?= python3
BIN := .venv/bin
LOCK := --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help run test faults soak timing fuzz check mutants bench bench-growth bench-memory protos locks environment

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## open the town on http://localhost:8000; Ctrl-C closes it
	@$(PYTHON) -m town.environment run
	@exec $(BIN)/nesra up

test: environment ## run all tests, on a PostgreSQL of their own
	$(BIN)/python -m pytest

faults: environment ## prove the promises against real faults: 25 minutes of kills, cuts, hangs, restarts
	NESRA_FAULTS_TIER=faults NESRA_SIMULATION_SEEDS=1000 $(BIN)/python -m pytest tests/faults tests/simulation -n 0 $(if $(SEED),--seed $(SEED))

soak: environment ## the same with new seeds for hours: NESRA_SOAK_HOURS, default 2
	$(BIN)/python -m tests.faults.soak

timing: environment ## prove that no answer's time tells who has an account, and that logins slow nobody: 3 minutes
	$(BIN)/python -m tests.hostile.timing

fuzz: environment ## send a town 100,000 generated requests, and its parsers millions of bytes: 15 minutes
	SEED=$(SEED) $(BIN)/python -m tests.fuzz

check: environment ## lint, formatting, types and the contract between processes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/buf lint

mutants: environment ## plant slips in copies of the code, and see the tests notice each
	$(BIN)/python -m tests.mutants

bench: environment ## measure the town beside a monolith that does the same work
	$(BIN)/python -m bench

bench-growth: environment ## measure it with up to a million players
	$(BIN)/python -m bench.growth

bench-memory: environment ## watch its memory under ten minutes of load
	$(BIN)/python -m bench.memory

protos: environment ## generate the code of the contract between processes
	$(BIN)/python -m town.protos

locks: environment ## pin every package after a change of pyproject.toml, and keep the pins that still fit
	$(BIN)/uv pip compile -q $(LOCK) pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q $(LOCK) --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

environment:
	@$(PYTHON) -m town.environment dev
