# Everything a developer or a user types. `make help` lists the targets.
PYTHON ?= python3
PORT ?= 8000
# Test processes at once.
JOBS ?= 2

VENV := .venv
PEERS := .venv-peers
VLLM := .venv-vllm
SEARXNG := .venv-searxng
OPENWEBUI := .venv-openwebui
BIN := $(VENV)/bin
PIP := -m pip --disable-pip-version-check install --quiet --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install dev serve test test-vllm test-searxng test-openwebui test-schema test-leaks test-faults lint format \
  bench-speed bench-quality bench-overhead bench-cpu bench-sieve bench-service bench-fetch bench-extract bench-load bench-generate \
  image-check clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON=python3 (3.11 or newer, for a new environment), PORT=8000 (serve), JOBS=2, ARGS= (test)"

install: $(VENV)/.installed ## Make the environment .venv with .venv/bin/secateurs, or bring it up to date

dev: $(VENV)/.dev ## The same with what tests and linters need

# For one machine and one person, so without API keys unless the environment asks for them.
serve: install ## Start the service with the sample site on 127.0.0.1:$PORT, without API keys
	@SECATEURS_KEYS_REQUIRED=$${SECATEURS_KEYS_REQUIRED:-false} exec $(BIN)/secateurs serve --port $(PORT)

test: dev ## Run every test that needs no GPU and no internet (ARGS= goes to pytest)
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

test-vllm: dev $(VLLM)/.installed ## Test against a real vLLM on the CPU (installs 3.4 GB at first)
	@VLLM_PYTHON=$(VLLM)/bin/python $(BIN)/python -m pytest tests/vllm $(ARGS)

test-searxng: dev $(SEARXNG)/.installed ## Test against a real SearXNG (installs 140 MB at first)
	@SEARXNG_PYTHON=$(abspath $(SEARXNG))/bin/python $(BIN)/python -m pytest tests/searxng $(ARGS)

test-openwebui: dev $(OPENWEBUI)/.installed ## Test behind a real Open WebUI (installs 770 MB at first)
	@OPEN_WEBUI_PYTHON=$(abspath $(OPENWEBUI))/bin/python $(BIN)/python -m pytest tests/openwebui $(ARGS)

test-schema: dev ## Have Schemathesis look for answers that the OpenAPI document does not tell of (some minutes)
	@SECATEURS_TESTS_SCHEMA=1 $(BIN)/python -m pytest tests/schema $(ARGS)

test-leaks: dev ## Search 1,000 times among random faults, and look for what is left behind
	@SECATEURS_TESTS_SEARCHES=1000 $(BIN)/python -m pytest tests/faults/test_leaks.py -s $(ARGS)

test-faults: dev ## Kill each upstream in the middle of more traffic on two worker processes
	@SECATEURS_TESTS_ANSWERS=20 SECATEURS_TESTS_CALLERS=3 SECATEURS_TESTS_REST=10 SECATEURS_TESTS_WORKERS=2 \
	  $(BIN)/python -m pytest tests/faults/test_kills.py $(ARGS)

lint: dev ## Check style, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: dev ## Format the code and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench-speed: install $(PEERS)/.installed ## Measure speed beside htmlrag on the pages of the data folder
	@$(BIN)/python benchmarks/speed.py --peer-python $(PEERS)/bin/python $(ARGS)

bench-quality: install $(PEERS)/.installed ## Measure how often the answer is kept, beside the peers (ARGS="--sample 10")
	@PYTHONPATH=. $(PEERS)/bin/python benchmarks/quality.py $(ARGS)

bench-overhead: install ## Measure what cleaned HTML costs in tokens beside its text
	@$(BIN)/python benchmarks/overhead.py $(ARGS)

bench-cpu: install $(PEERS)/.installed ## Measure ten pages from HTML to pruned HTML on a CPU beside htmlrag
	@PYTHONPATH=. $(PEERS)/bin/python benchmarks/cpu.py $(ARGS)

bench-sieve: install $(PEERS)/.installed ## Measure what each further passage that the model is asked about costs and keeps
	@PYTHONPATH=. $(PEERS)/bin/python benchmarks/sieve.py $(ARGS)

bench-service: install ## Measure what the service adds to the time of pruning
	@$(BIN)/python benchmarks/service.py $(ARGS)

bench-fetch: install ## Measure a search of which three pages of ten hang
	@$(BIN)/python benchmarks/fetch.py $(ARGS)

bench-extract: install ## Measure main content without a question, beside libraries that look for it
	@PYTHONPATH=. $(BIN)/python benchmarks/extract.py $(ARGS)

bench-load: install ## Measure requests a second and their times under 1 to 1,000 connections
	@$(BIN)/python benchmarks/load.py $(ARGS)

bench-generate: install ## Measure the generative step in process (ARGS="--device cuda" for a GPU)
	@$(BIN)/python benchmarks/generate.py $(ARGS)

image-check: dev ## Build both images without a Docker engine and try them (as root; needs buildah and debootstrap)
	@$(BIN)/python docker/image_check.py $(ARGS)

clean: ## Remove the environments and all caches
	rm -rf $(VENV) $(PEERS) $(VLLM) $(SEARXNG) $(OPENWEBUI) build dist *.egg-info .pytest_cache .hypothesis .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: each stands for an environment that has the pins it depends on, so an unchanged one costs no time.

%/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) must be Python 3.11 or newer; name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $* || \
	  { echo "$(PYTHON) cannot make environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.installed: requirements/base.txt requirements/local.txt pyproject.toml | $(VENV)/.created
	@echo "Installing the pinned dependencies into $(VENV) (some minutes at first)" >&2
	@$(BIN)/python $(PIP) --requirement requirements/local.txt
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.installed
	@echo "Installing what the tests and linters need into $(VENV)" >&2
	@$(BIN)/python $(PIP) --requirement requirements/dev.txt
	@touch $@

$(PEERS)/.installed: requirements/peers.txt | $(PEERS)/.created
	@echo "Installing the peers that are measured into $(PEERS)" >&2
	@$(PEERS)/bin/python $(PIP) --requirement requirements/peers.txt
	@touch $@

$(VLLM)/.installed: requirements/vllm.txt | $(VLLM)/.created
	@echo "Installing vLLM for the CPU into $(VLLM) (some minutes at first)" >&2
	@$(VLLM)/bin/python $(PIP) --constraint requirements/vllm.txt torch
	@$(VLLM)/bin/python $(PIP) --no-deps --requirement requirements/vllm.txt
	@touch $@

$(SEARXNG)/.installed: requirements/searxng.txt | $(SEARXNG)/.created
	@echo "Installing SearXNG into $(SEARXNG)" >&2
	@$(SEARXNG)/bin/python $(PIP) --requirement requirements/searxng.txt
	@touch $@

$(OPENWEBUI)/.installed: requirements/openwebui.txt | $(OPENWEBUI)/.created
	@echo "Installing Open WebUI into $(OPENWEBUI) (some minutes at first)" >&2
	@$(OPENWEBUI)/bin/python $(PIP) --no-deps --requirement requirements/openwebui.txt
	@touch $@

# Pattern rules would delete it as an intermediate file.
.PRECIOUS: %/.created
