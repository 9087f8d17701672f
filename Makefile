# Everything a person needs, with nothing but make, Python 3.11 or later and a package index.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PART_ROOTS := core ingestion retrieval guardrails classic serving evals pipelines cli

.PHONY: run run-gpu test test-vllm lint format bench docs lock clean help pipelines evaluate audit deploy smoke load
.DEFAULT_GOAL := help

help: ## Show the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s'|'

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml tools/setup.sh
	@tools/setup.sh runtime

$(VENV)/.dev: requirements/dev.txt pyproject.toml tools/setup.sh
	@tools/setup.sh dev

run: $(VENV)/.runtime ## Set up, index the bundled docs, print a first answer, serve on 127.0.0.1:8080.
	@$(BIN)/groundwork up --first-answer

run-gpu: $(VENV)/.runtime ## Serve a model with vLLM on this machine's GPU, and Groundwork in front of it; MODEL names it.
	@tools/run_gpu.sh

test: $(VENV)/.dev ## Set up and run the tests.
	@$(BIN)/python -m pytest -n 2 --dist loadfile

test-vllm: $(VENV)/.dev ## Run the tests that need a real vLLM server, here on the processor; 2.4 GB once.
	@tools/vllm_env.sh
	@$(BIN)/python -m pytest -m vllm tests/vllm

lint: $(VENV)/.dev ## Style, types, layers, sizes, and what must not be in the repository.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tools/sizes.py $(PART_ROOTS) benchmarks tools

format: $(VENV)/.dev ## Format the code.
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure everything that the README states; takes about half an hour on two cores.
	@$(BIN)/python -m benchmarks $(BENCH)

pipelines: $(VENV)/.dev ## Compile all pipelines to build/pipelines.
	@$(BIN)/groundwork pipeline compile --out build/pipelines

evaluate: $(VENV)/.runtime ## Run the nightly evaluation on the bundled guides.
	@$(BIN)/groundwork eval run --suite nightly

audit: $(VENV)/.dev ## Look the locked dependencies up in the advisories; exceptions: docs/decisions/audit.md.
	@tools/audit.sh

deploy: ## Roll the images of REVISION out to ENVIRONMENT (staging or prod).
	@tools/deploy.sh

smoke: $(VENV)/.runtime ## Ask the service at BASE_URL one question and look at its health.
	@$(BIN)/python tools/smoke.py

load: $(VENV)/.dev ## Replay the arrivals of a real service against BASE_URL, or against one of our own.
	@$(BIN)/python -m benchmarks arrivals

docs: $(VENV)/.dev ## Write the generated parts of docs/ anew.
	@$(BIN)/python tools/command_reference.py --write

lock: $(VENV)/.dev ## Resolve the exact versions anew.
	@tools/lock.sh

clean: ## Remove the environments, caches and results; GROUNDWORK_HOME stays.
	rm -rf $(VENV) .vllm .vllm-gpu .litellm .tools .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis htmlcov .coverage bench-results
