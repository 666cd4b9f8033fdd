# `make demo` and `make test` do all the set-up.
# Each first creates the virtual environment in .venv, with the versions pinned in constraints.txt.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/ready
PAGE := sandbox/web
PAGE_READY := $(PAGE)/node_modules/ready

# What the demo's member requests. Passed in the environment, so that no shell parses a prompt.
export INCLUDE ?= a red circle on a white background
export EXCLUDE ?= watermark
export STEPS ?= 300
export SEED ?= 7

.PHONY: demo try test check bench audit screenshots translations clean

demo: $(READY)  ## run sandbox, bot and engine while a scripted member requests one image
	@$(BIN)/python -m sandbox.demo || test -t 2  # in a terminal, skip make's own error line

try: $(READY)  ## open the whole product in your browser, until Ctrl-C
	@$(BIN)/python -m sandbox.playground

# Three files at a time, even on two cores: tests of whole processes mostly wait.
# They run first (tests/conftest.py), so that none runs alone at the end.
test: $(READY)  ## run all tests, including the end-to-end tests
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

check: $(READY) $(PAGE_READY)  ## check formatting, types and imports; needs node and npm for the page
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	npm --prefix $(PAGE) run --silent check

bench: $(READY)  ## measure how well the included model renders prompts
	$(BIN)/python -m bench.quality

screenshots: $(READY)  ## take the screenshots in docs/page/ again, with Chromium
	$(BIN)/python -m sandbox.screenshots

audit: .venv/audit/ready  ## look for known vulnerabilities of the pinned packages; needs PyPI
	@.venv/audit/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off \
		--requirement constraints.txt \
		|| { echo "Not audited, or not clean: see above. Where PyPI's data cannot be had," \
		"this says nothing about the packages." >&2; exit 1; }

.venv/audit/ready: | $(READY)
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/pip install --quiet --disable-pip-version-check 'pip-audit>=2.7,<3'
	@touch $@

translations: $(READY)  ## update core/i18n/locales/ from the texts in the code
	$(BIN)/python -m core.i18n.extract

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[training,dev]'
	@touch $@

$(PAGE_READY): $(PAGE)/package.json $(PAGE)/package-lock.json
	npm --prefix $(PAGE) ci --silent --no-audit --no-fund
	@touch $@

clean:
	rm -rf .venv build out ./*.egg-info $(PAGE)/node_modules
