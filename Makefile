# Copyright (c) 2026, mssp.defender contributors
# SPDX-License-Identifier: GPL-3.0-or-later

# Nothing has to be prepared but Python 3.10+ and make for 'make demo', 'make test' and 'make check'. 'make help' lists
# the rest.
PYTHON ?= python3
SHELL := /bin/bash

VENV := .venv
ACTIVATE := . $(VENV)/bin/activate
COLLECTIONS := .cache/collections
LINK := $(COLLECTIONS)/ansible_collections/mssp/defender
AWX := $(COLLECTIONS)/ansible_collections/awx/awx
RESULTS := .cache/results
DEMO := .cache/demo
PYTEST := $(VENV)/bin/python -m pytest
SIDE_BY_SIDE := --numprocesses=3 --dist=loadscope
FAST := -m "not slow" $(SIDE_BY_SIDE)

export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(COLLECTIONS)
export ANSIBLE_NOCOWS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check rest lint ruff ansible-lint metadata types unit odd checks emulator-test integration slow molecule sanity cores azure-cli bench clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/demo.stamp $(LINK) $(DEMO)/vault_password ## Run the whole chain against an emulated Microsoft, offline (make demo KEEP=1: which goes on)
	@$(ACTIVATE) && ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false \
	  ANSIBLE_STDOUT_CALLBACK=mssp.defender.screen NO_PROXY=localhost no_proxy=localhost \
	  exec ansible-playbook mssp.defender.demo --vault-password-file $(DEMO)/vault_password \
	  -e '{"demo_directory": "$(CURDIR)/$(DEMO)", "demo_encrypt": true, "demo_keep": $(if $(KEEP),true,false)}' \
	  -e '{"demo_command": "make demo", "demo_keeping": "make demo KEEP=1"}'

test: $(VENV)/dev.stamp $(LINK) $(AWX) ## What a change is tried with: some ten minutes, and a summary
	@exec $(VENV)/bin/python tests/run.py test

check: $(VENV)/dev.stamp $(LINK) $(AWX) ## All there is: 'make test' and 'make rest', and one summary
	@exec $(VENV)/bin/python tests/run.py test rest

rest: $(VENV)/dev.stamp $(LINK) $(AWX) ## What takes longer: slow tests, ansible-lint, Molecule, sanity, other cores and the Azure CLI
	@exec $(VENV)/bin/python tests/run.py rest

lint: ruff ansible-lint metadata ## The three that follow

ruff: $(VENV)/dev.stamp ## Style and common mistakes of all Python
	@$(ACTIVATE) && ruff format --check . && exec ruff check .

ansible-lint: $(VENV)/dev.stamp $(LINK) $(AWX) ## Roles and playbooks, profile production
	@$(ACTIVATE) && exec ansible-lint

metadata: $(VENV)/dev.stamp ## Licence of every file, and the changelog's fragments
	@$(ACTIVATE) && reuse lint --lines && exec antsibull-changelog lint

types: $(VENV)/dev.stamp $(LINK) ## mypy --strict on all plugins, the event source and the emulator
	@$(VENV)/bin/mypy

unit: $(VENV)/dev.stamp $(LINK) ## Units and properties of the domain and the operations
	@$(PYTEST) tests/unit $(FAST) --junitxml=$(RESULTS)/$@.xml

odd: $(VENV)/dev.stamp $(LINK) ## One server whose tenants each answer oddly, and the outcome that each must have
	@$(PYTEST) tests/odd $(SIDE_BY_SIDE) --junitxml=$(RESULTS)/$@.xml

checks: $(VENV)/dev.stamp $(LINK) ## The house: import direction, docs against spec, the built collection
	@$(PYTEST) tests/checks --junitxml=$(RESULTS)/$@.xml

emulator-test: $(VENV)/dev.stamp $(LINK) ## The emulator, with clients nobody here wrote
	@$(PYTEST) tests/emulator $(FAST) --junitxml=$(RESULTS)/$@.xml

integration: $(VENV)/dev.stamp $(LINK) $(AWX) ## Modules, playbooks and the role against the emulator, over HTTPS
	@$(PYTEST) tests/integration $(FAST) --junitxml=$(RESULTS)/$@.xml

slow: $(VENV)/dev.stamp $(LINK) $(AWX) ## Tests of those folders that take long: canaries, a browser, AWX, rulebooks, an hour of polling
	@$(PYTEST) tests/unit tests/emulator tests/integration -m slow $(SIDE_BY_SIDE) --junitxml=$(RESULTS)/$@.xml

molecule: $(VENV)/dev.stamp $(LINK) ## The Molecule scenario: converge, idempotence, verify
	@$(ACTIVATE) && cd extensions && exec molecule test

sanity: $(VENV)/dev.stamp ## ansible-test sanity on a clean copy, with no ignore file
	@$(ACTIVATE) && exec tests/sanity/run.sh

cores: $(VENV)/dev.stamp $(AWX) ## What meets ansible-core and the libraries, on the oldest and the newest of them
	@$(PYTEST) tests/cores --junitxml=$(RESULTS)/$@.xml

azure-cli: $(VENV)/dev.stamp $(LINK) ## The true Azure CLI, signed in to the emulator
	@$(PYTEST) tests/azure_cli --junitxml=$(RESULTS)/$@.xml

bench: $(VENV)/bench.stamp $(LINK) ## Time the same work in several forms and print the bars; takes long (make bench QUICK=1: minutes)
	@exec $(VENV)/bin/python tests/benchmark/bench.py $(if $(QUICK),--quick)

clean: ## Remove the virtual environment and everything cached
	@rm -rf $(VENV) .cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	  { echo "'$(PYTHON)' is not Python 3.10 or newer: install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "'$(PYTHON)' lacks the venv module: install it first (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "Creating a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# Order-only on the interpreter: its timestamp moves whenever a package manager touches it.
$(VENV)/demo.stamp: requirements.txt roles/emulator/files/requirements.txt | $(VENV)/bin/python
	@echo "Installing ansible-core and the runtime requirements into $(VENV) (once; about half a minute)"
	@$(VENV)/bin/python -m pip install --quiet ansible-core $(addprefix -r ,$^)
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/demo.stamp
	@echo "Installing the development requirements into $(VENV) (once; about a minute)"
	@$(VENV)/bin/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

$(VENV)/bench.stamp: tests/benchmark/requirements.txt $(VENV)/dev.stamp
	@$(VENV)/bin/python -m pip install --quiet -r tests/benchmark/requirements.txt
	@touch $@

$(DEMO)/vault_password:
	@mkdir -p $(@D)
	@umask 077 && $(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(32))' > $@

# awx.awx outside Galaxy: the package 'ansible' has it too, and a few of its files are enough.
$(AWX): tests/awx_collection.py | $(VENV)/bin/python
	@echo "Fetching the collection awx.awx (once; some 60 MB)"
	@$(VENV)/bin/python $< $(COLLECTIONS)

$(LINK):
	@mkdir -p $(dir $@)
	@ln -s ../../../.. $@
