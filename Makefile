# make demo   try Grisha in a local web page: no token, no account
# make test   everything that CI checks
# make check  only the linter and the types;   make format  lay the code out
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check format clean

demo: $(VENV)/demo.stamp
	@$(BIN)/python -m services.local
	-@$(BIN)/python -m services.media
	$(BIN)/python main.py --bot grisha --backend local --model embedded --playground

test: check
	sh tests/install_chromium.sh
	sh tests/install_servers.sh
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

$(VENV)/demo.stamp: requirements-demo.lock | $(BIN)/python
	@echo 'Ставлю зависимости, это один раз и около минуты…'
	@$(PIP) --require-hashes --no-deps -r requirements-demo.lock
	touch $@

# torch has other builds elsewhere (CPU, CUDA), so it is pinned by its version alone.
$(VENV)/dev.stamp: requirements-dev.lock | $(BIN)/python
	@echo 'Ставлю зависимости, это один раз и несколько минут…'
	@$(PIP) --require-hashes --no-deps -r requirements-dev.lock
	@$(PIP) torch==2.13.0
	touch $@ $(VENV)/demo.stamp

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# docs: write the --help texts anew;   lock: pin what the requirements bring along, with hashes
.PHONY: docs lock

docs: $(VENV)/dev.stamp
	$(BIN)/python -m tests.help_page

lock: | $(BIN)/python
	@$(PIP) uv==0.13.9
	for name in demo dev; do \
	    $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	        --no-header --no-annotate --quiet requirements-$$name.txt \
	    | awk '/^[a-z]/ {skip = /^(torch|triton|nvidia-|cuda-)/} !skip' >requirements-$$name.lock; \
	done
