# Three commands are all the set-up there is: `make demo`, `make try` and `make test`.
# Each first makes the environment in .venv, with the versions pinned in constraints.txt.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/ready
PAGE := sandbox/web
PAGE_READY := $(PAGE)/node_modules/ready

# What the demo's member asks for. Handed over as environment, so that no shell reads a prompt.
export INCLUDE ?= a red circle on a white background
export EXCLUDE ?= watermark
export STEPS ?= 300
export SEED ?= 7

.PHONY: demo try test check bench audit screenshots translations clean

demo: $(READY)  ## the whole product, once: sandbox, bot, engine and a member who asks
	@$(BIN)/python -m sandbox.demo || test -t 2  # in a terminal, its last line is enough

try: $(READY)  ## the whole product as a page in your browser, until Ctrl-C
	@$(BIN)/python -m sandbox.playground

# Three files at a time, even on two cores: tests of whole processes wait more than they work.
# Those come first (tests/conftest.py), so that none is left over at the end by itself.
test: $(READY)  ## all tests, the end-to-end ones among them
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

check: $(READY) $(PAGE_READY)  ## style, types and who imports whom; needs node and npm for the page
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	npm --prefix $(PAGE) run --silent check

bench: $(READY)  ## how well the sketch pair paints, as a table
	$(BIN)/python -m bench.quality

screenshots: $(READY)  ## makes the pictures of the page in docs/page/ anew, with Chromium
	$(BIN)/python -m sandbox.screenshots

audit: .venv/audit/ready  ## known vulnerabilities of the pinned packages; needs PyPI
	@.venv/audit/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off \
		--requirement constraints.txt \
		|| { echo "Not audited, or not clean: see above. Where PyPI's data cannot be had," \
		"this says nothing about the packages." >&2; exit 1; }

.venv/audit/ready: | $(READY)
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/pip install --quiet --disable-pip-version-check 'pip-audit>=2.7,<3'
	@touch $@

translations: $(READY)  ## brings core/i18n/locales/ up to date with the sentences in the code
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
