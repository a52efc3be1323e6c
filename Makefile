# The front door for people and machines. `make` alone lists what there is.

PY ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# Tests that need no server come first. Those that do wait more than they compute: two at once, a file at a time, each
# process of pytest with servers and databases of its own.
FAST := $(wildcard tests/unit tests/architecture tests/replay)

.DEFAULT_GOAL := help
.PHONY: help setup temporal sandbox demo test check docs bench up

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(INSTALLED) ## .venv with every dependency, and a Temporal server (PY=python3.12 chooses the Python)
	@$(BIN)/python -m tools.temporal.provide

$(INSTALLED): pyproject.toml constraints.txt
	@$(PY) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 15) else "Paidcase needs Python 3.11 to 3.14, $(PY) is %d.%d: say make PY=python3.12" % v)'
	$(PY) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -r pyproject.toml --group dev
	@touch $@

temporal: setup ## the tuned dev server in the foreground, at TEMPORAL_ADDRESS (TEMPORAL_DB names a file for its state)
	$(BIN)/python -m tools.temporal.dev_server

sandbox: $(INSTALLED) ## the stand-ins for Autopay, wFirma and the mailbox, in the foreground
	$(BIN)/python -m invoicing.sandbox

demo: setup ## everything at once with sample cases, until Ctrl-C; EXIT=1 stops by itself with a truthful exit code
	EXIT=$(EXIT) $(BIN)/python -m examples.demo

test: setup ## every test
	$(BIN)/pytest -n 2 --dist loadfile $(FAST)
	$(BIN)/pytest -n 2 --dist loadfile $(FAST:%=--ignore=%)

check: $(INSTALLED) ## format, lint, types, doors and the tests that need no server
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist loadfile $(FAST)

docs: $(INSTALLED) ## prints the pages that come from the code
	$(BIN)/python -m invoicing.failures_page docs/failures.md

bench: setup ## side-by-side figures as a table and a picture
	$(BIN)/python -m bench

up: ## the production layout in Docker
	docker compose up
