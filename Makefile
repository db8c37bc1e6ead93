# The project's commands; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help setup demo up down test benchmark check format lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: $(VENV)/.ready ## make .venv from the pinned requirements

$(VENV)/.ready: requirements-dev.txt requirements-setup.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Set PYTHON=…") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## the whole way on this machine: cluster, Airflow, a real job, its report; then stop it all
	$(BIN)/python -m devstack demo

up: setup ## the same cluster and Airflow, kept running (prints where and who)
	$(BIN)/python -m devstack up

down: ## stop what `make up` started
	@test ! -x $(BIN)/python || $(BIN)/python -m devstack down

test: setup ## every test that needs no root, Docker or cluster
	$(BIN)/python -m pytest

benchmark: setup ## the queue's speed, recovery and memory beside its peers' (BENCHMARK="--quick": in short)
	$(BIN)/python tests/benchmarks/run.py $(BENCHMARK)

check: setup ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src plugins dags devstack
	$(BIN)/lint-imports

format: setup ## rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup ## pin the newest versions of what the .in files name
	for name in requirements requirements-dev requirements-setup requirements-benchmarks tests/benchmarks/requirements-arq; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--custom-compile-command "make lock" $$name.in --output-file $$name.txt; done

clean: down ## remove .venv and everything made by the project here
	rm -rf $(VENV) .demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
