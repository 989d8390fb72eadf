PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo serve test lint bench e2e rehearse screenshots lock clean

help:  ## what can be done here
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## install into .venv, with .venv/bin/leaver

$(INSTALLED): pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8,<1'
	@UV_PROJECT_ENVIRONMENT=$(VENV) UV_LINK_MODE=copy $(BIN)/uv sync --quiet --frozen --inexact --compile-bytecode --group dev --python $(BIN)/python
	@$(BIN)/python -m compileall -q src
	@touch $@

demo: install  ## offboard a person of the bundled simulator, from plan to proof
	@$(BIN)/leaver demo

serve: install  ## the portal on the bundled simulator, until stopped
	@$(BIN)/leaver demo --serve

test: install  ## the tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not e2e"

lint: install  ## style, types, floors
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: install  ## measure against the simulator
	@$(BIN)/python -m bench

e2e: install  ## in Chromium and at the command line, against processes of their own
	@$(BIN)/python -m pytest -n 3 --dist worksteal -m e2e tests/e2e

rehearse: install  ## what Containerfile, compose.yaml and the handbook say, done on this machine; needs root
	@$(BIN)/python tools/rehearse.py

screenshots: install  ## the pictures of the README
	@$(BIN)/python tools/screenshots.py

lock: install  ## renew uv.lock
	@$(BIN)/uv lock

clean:  ## take everything away that was installed or built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
