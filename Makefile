# make demo   try Grisha in a local web page: no token, no account
# make test   everything that CI checks
# make check  only the linter and the types;   make format  lay the code out
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check format clean

demo: $(VENV)/demo.stamp
	@$(BIN)/python -m services.local
	$(BIN)/python main.py --bot grisha --backend local --model embedded --playground

test: check
	sh tests/install_chromium.sh
	sh tests/install_servers.sh
	$(BIN)/python -m pytest

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

$(VENV)/demo.stamp: requirements-demo.txt | $(BIN)/python
	@echo 'Ставлю зависимости, это один раз и около минуты…'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-demo.txt
	touch $@

$(VENV)/dev.stamp: requirements.txt requirements-demo.txt requirements-dev.txt | $(BIN)/python
	@echo 'Ставлю зависимости, это один раз и несколько минут…'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/demo.stamp

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# docs: write the --help texts anew;   lock: pin what the requirements bring along, with hashes
.PHONY: docs lock

docs: $(VENV)/dev.stamp
	$(BIN)/python -m tests.help_page
