# A machine with Python and make needs nothing else; see "make help".

PYTHON ?= python3
VENV := .venv
# Which servers tests may use: all, none, or some of rabbitmq,postgresql,mariadb,chromium.
SERVICES ?= all
# Tests to run (files, folders, node ids) and further arguments of pytest or ipamd-all.
TESTS ?=
ARGS ?=
# Processes that run all tests; a few chosen ones run in one. Many tests wait most of the time.
JOBS ?= 4
PARALLEL = $(if $(TESTS),,-n $(JOBS) --dist loadfile --no-loadscope-reorder)

.DELETE_ON_ERROR:
.PHONY: help run test screenshots check fmt lock config chaos galera fuzz fuzz-parsers bench bench-intake bench-import docs docs-tables clean

help:
	@echo 'make run      run ipamd-all on 127.0.0.1:9898, its data and configuration under ./var'
	@echo 'make test     run the tests; servers are installed when missing and started as needed'
	@echo '              SERVICES=none  without servers     TESTS=tests/unit  only those'
	@echo '              ARGS="-x -k gateway"  further arguments of pytest     JOBS=2  processes'
	@echo 'make screenshots  take the pictures of the pages in docs/images anew'
	@echo 'make check    ruff, ruff format, mypy, bandit, pip-audit'
	@echo 'make fmt      format the code and repair what ruff can'
	@echo 'make lock     write requirements*.lock anew from setup.cfg; ARGS=--upgrade raises everything'
	@echo 'make config   write the samples in etc/ipamd anew, from options and rules in the code'
	@echo 'make docs     build the documentation as HTML in docs/_build/html; warnings are errors'
	@echo 'make docs-tables  write docs/reference anew, from the tables in the code'
	@echo 'make chaos    kill everything at random for six minutes; SEED=… repeats a run'
	@echo 'make galera   three nodes of MariaDB Galera, written to through two of them (a minute)'
	@echo 'make fuzz     10,000 requests at random, over all mounts, against their schemas'
	@echo 'make fuzz-parsers  100,000 mutated requests, and as many inputs of each parser (20 minutes)'
	@echo 'make bench    measure everything; table, JSON and plots in docs/benchmarks (10 minutes)'
	@echo '              ARGS="rpc rest"  only those groups    ARGS=--strict  missed targets fail'
	@echo 'make bench-intake  CPU of a request, against the server of oslo.messaging'
	@echo 'make bench-import  ipamctl import of a million addresses into PostgreSQL (minutes)'
	@echo 'make clean    remove the virtual environment and caches, not ./var'

run: $(VENV)/.installed var/ipamd.conf
	@exec $(VENV)/bin/ipamd-all --config-file var/ipamd.conf $(ARGS)

test: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest --services=$(SERVICES) $(PARALLEL) $(ARGS) $(TESTS)

screenshots: $(VENV)/.installed-dev
	@mkdir -p docs/images
	IPAMD_SCREENSHOTS=docs/images $(VENV)/bin/python -m pytest -q tests/ui/test_every_page.py

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/bandit -q -c pyproject.toml -r ipamd tools
	$(VENV)/bin/python -m tools.audit requirements-dev.lock

fmt: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

# One resolution for every Python from 3.11 on; what is locked stays until setup.cfg or
# ARGS=--upgrade asks for more. Never merge these files by hand: make lock.
LOCK = $(VENV)/bin/uv pip compile -q setup.cfg --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url --custom-compile-command 'make lock' $(ARGS)

lock: $(VENV)/bin/uv
	$(LOCK) --extra build -o requirements.lock
	$(LOCK) --all-extras -c requirements.lock -o requirements-dev.lock

config: $(VENV)/.installed
	$(VENV)/bin/oslo-config-generator --config-file etc/ipamd/config-generator.conf
	$(VENV)/bin/oslopolicy-sample-generator --namespace ipamd --output-file etc/ipamd/policy.yaml.sample

docs: $(VENV)/.installed-dev
	$(VENV)/bin/python -m sphinx -W --keep-going -q -j auto -b html docs docs/_build/html
	@echo 'docs/_build/html/index.html'

docs-tables: $(VENV)/.installed
	$(VENV)/bin/python -W ignore docs/generate.py

galera: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest -m chaos $(ARGS) tests/galera

chaos: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest -m chaos -s $(ARGS) tests/chaos

fuzz: $(VENV)/.installed-dev
	IPAMD_FUZZ=long $(VENV)/bin/python -m pytest -s $(ARGS) tests/fuzz

fuzz-parsers: $(VENV)/.installed-dev
	IPAMD_FUZZ=long $(VENV)/bin/python -m pytest -s $(ARGS) tests/fuzz_parsers

bench: $(VENV)/.installed-dev
	$(VENV)/bin/python -W ignore -m bench $(ARGS)

bench-intake: $(VENV)/.installed-dev
	$(VENV)/bin/python -m bench.intake

bench-import: $(VENV)/.installed-dev
	$(VENV)/bin/python -m bench.imports --output docs/benchmarks/import.md $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Written once, then yours to edit.
var/ipamd.conf:
	@mkdir -p var
	@printf '[DEFAULT]\nstate_path = %s\n' '$(CURDIR)/var' > $@

# Installed anew only when what is locked may have changed. Everything has to match a hash
# of the lock, setuptools included, which builds ipamd itself; nothing else is downloaded.
PIP = PYTHONWARNINGS=ignore $(VENV)/bin/python -m pip --disable-pip-version-check

$(VENV)/.installed: setup.cfg pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo 'Installing ipamd into $(VENV) ...'
	@$(PIP) install -q --require-hashes -r requirements.lock
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@$(VENV)/bin/python -m tools.locked
	@touch $@

$(VENV)/.installed-dev: setup.cfg pyproject.toml requirements.lock requirements-dev.lock | $(VENV)/bin/python
	@echo 'Installing ipamd and the tools of its tests into $(VENV) ...'
	@$(PIP) install -q --require-hashes -r requirements-dev.lock
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@$(VENV)/bin/python -m tools.locked
	@touch $(VENV)/.installed $@

# The one thing installed without a hash: it has to work when the lock is out of date.
$(VENV)/bin/uv: | $(VENV)/bin/python
	@$(PIP) install -q '$(shell sed -n 's/^ *\(uv>.*\)/\1/p' setup.cfg)'

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
