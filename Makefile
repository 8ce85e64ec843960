# A machine with Python and make needs nothing else; see "make help".

PYTHON ?= python3
VENV := .venv
# Which servers tests may use: all, none, or some of rabbitmq,postgresql,mariadb.
SERVICES ?= all
# Tests to run (files, folders, node ids) and further arguments of pytest or ipamd-all.
TESTS ?=
ARGS ?=

.DELETE_ON_ERROR:
.PHONY: help run test check fmt config chaos fuzz bench bench-intake docs docs-tables clean

help:
	@echo 'make run      run ipamd-all on 127.0.0.1:9898, its data and configuration under ./var'
	@echo 'make test     run the tests; servers are installed when missing and started as needed'
	@echo '              SERVICES=none  without servers     TESTS=tests/unit  only those'
	@echo '              ARGS="-x -k gateway"  further arguments of pytest'
	@echo 'make check    ruff, ruff format, mypy'
	@echo 'make fmt      format the code and repair what ruff can'
	@echo 'make config   write etc/ipamd/ipamd.conf.sample anew, from the options in the code'
	@echo 'make docs     build the documentation as HTML in docs/_build/html; warnings are errors'
	@echo 'make docs-tables  write docs/reference anew, from the tables in the code'
	@echo 'make chaos    kill everything at random for six minutes; SEED=… repeats a run'
	@echo 'make fuzz     10,000 requests at random, over all mounts, against their schemas'
	@echo 'make bench    measure everything; table, JSON and plots in docs/benchmarks (10 minutes)'
	@echo '              ARGS="rpc rest"  only those groups    ARGS=--strict  missed targets fail'
	@echo 'make bench-intake  CPU of a request, against the server of oslo.messaging'
	@echo 'make clean    remove the virtual environment and caches, not ./var'

run: $(VENV)/.installed var/ipamd.conf
	@exec $(VENV)/bin/ipamd-all --config-file var/ipamd.conf $(ARGS)

test: $(VENV)/.installed-dev $(VENV)/.installed-docs
	$(VENV)/bin/python -m pytest --services=$(SERVICES) $(ARGS) $(TESTS)

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

fmt: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

config: $(VENV)/.installed
	$(VENV)/bin/oslo-config-generator --config-file etc/ipamd/config-generator.conf

docs: $(VENV)/.installed-docs
	$(VENV)/bin/python -m sphinx -W --keep-going -q -j auto -b html docs docs/_build/html
	@echo 'docs/_build/html/index.html'

docs-tables: $(VENV)/.installed
	$(VENV)/bin/python -W ignore docs/generate.py

chaos: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest -m chaos -s $(ARGS) tests/chaos

fuzz: $(VENV)/.installed-dev
	IPAMD_FUZZ=long $(VENV)/bin/python -m pytest -s $(ARGS) tests/fuzz

bench: $(VENV)/.installed-bench
	$(VENV)/bin/python -W ignore -m bench $(ARGS)

bench-intake: $(VENV)/.installed-dev
	$(VENV)/bin/python -m bench.intake

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Written once, then yours to edit.
var/ipamd.conf:
	@mkdir -p var
	@printf '[DEFAULT]\nstate_path = %s\n' '$(CURDIR)/var' > $@

# Installed anew only when the list of what ipamd needs may have changed.
$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo 'Installing ipamd into $(VENV) ...'
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-dev: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo 'Installing ipamd and the tools of its tests into $(VENV) ...'
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -e '.[test,check]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	@echo 'Installing what draws plots into $(VENV) ...'
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -e '.[bench]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed-dev
	@echo 'Installing what builds the documentation into $(VENV) ...'
	@$(VENV)/bin/python -m pip install -q --disable-pip-version-check -e '.[docs]'
	@touch $@

# Debian ships Python without the part that makes virtual environments.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'ipamd needs Python 3.11 or newer, and $(PYTHON) is not: name one with PYTHON=...' >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        apt-get install -qy --no-install-recommends python3-venv || { \
	        apt-get update -q && apt-get install -qy --no-install-recommends python3-venv; }; \
	    else \
	        echo '$(PYTHON) cannot make virtual environments: install the package python3-venv.' >&2; \
	        exit 1; \
	    fi; }
	$(PYTHON) -m venv $(VENV)
