# `make demo` and `make test` do all the set-up.
# Each creates the virtual environment in .venv first, from the packages pinned by hash in constraints.txt.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/ready
PAGE := sandbox/web
PAGE_READY := $(PAGE)/node_modules/ready

# What the demo's member requests. Passed in the environment, so that no shell parses a prompt.
export INCLUDE ?= a lighthouse in a storm, at night
export EXCLUDE ?= watermark
export STEPS ?= 30
export SEED ?= 3

.PHONY: demo try test test-fast check bench audit sbom lock screenshots translations clean

demo: $(READY)  ## run sandbox, bot and engine while a scripted member requests one image
	@$(BIN)/python -m sandbox.demo

try: $(READY)  ## open the whole product in your browser, until Ctrl-C
	@$(BIN)/python -m sandbox.playground

# Three files at a time, even on two cores: tests of whole processes mostly wait.
# The longest files run first (tests/conftest.py), so that none runs alone at the end.
# Bytecode is kept even where the environment turns it off: otherwise each of the processes compiles
# all tests and modules in every run.
PYTEST = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

test: $(READY)  ## run all tests, including the end-to-end tests
	$(PYTEST) --numprocesses 3

test-fast: $(READY)  ## run only the fast tests: no whole process, no browser, no long render
	$(PYTEST) --numprocesses 3 -m "not slow"

check: $(READY) $(PAGE_READY)  ## check formatting, types and imports; needs node and npm for the page
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	npm --prefix $(PAGE) run --silent check

bench: $(READY)  ## measure how well the sketch model renders prompts
	$(BIN)/python -m bench.quality

screenshots: $(READY)  ## retake the screenshots in docs/page/ and docs/features/, with Chromium
	$(BIN)/python -m sandbox.screenshots

# Tools that inspect packages run in environments of their own.
audit: .venv/audit/ready  ## check the pinned packages for known vulnerabilities; needs PyPI
	@.venv/audit/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off \
		--requirement constraints.txt \
		|| { echo "Not audited, or not clean: see above. If PyPI was unavailable," \
		"this says nothing about the packages." >&2; exit 1; }

sbom: .venv/sbom/ready  ## list every pinned package in sbom.json, a CycloneDX SBOM
	.venv/sbom/bin/cyclonedx-py requirements --output-reproducible --validate \
		--pyproject pyproject.toml --output-format JSON --output-file sbom.json constraints.txt
	@test "$$(grep -c '"bom-ref": "requirements-' sbom.json)" = "$$(grep -c == constraints.txt)" \
		|| { echo "sbom.json does not list every pinned package." >&2; exit 1; }

# The lock lists the hashes of all files of a version, so it serves x86-64 and ARM64 alike.
LOCK = .venv/lock/bin/uv pip compile pyproject.toml --quiet --python-version 3.11 \
	--python-platform x86_64-manylinux_2_28 --only-binary :all: --emit-build-options \
	--generate-hashes --no-annotate --custom-compile-command 'make lock' $(LOCK_OPTIONS)

lock: .venv/lock/ready  ## pin all packages again; with LOCK_OPTIONS=--upgrade, newer versions
	$(LOCK) --all-extras --output-file constraints.txt
	$(LOCK) --constraint constraints.txt --output-file requirements.txt

.venv/audit/ready: TOOL := pip-audit==2.10.1
.venv/sbom/ready: TOOL := cyclonedx-bom==7.5.0
.venv/lock/ready: TOOL := uv==0.13.9
.venv/%/ready:
	$(PYTHON) -m venv .venv/$*
	.venv/$*/bin/pip install --quiet --disable-pip-version-check '$(TOOL)'
	@touch $@

translations: $(READY)  ## update core/i18n/locales/ from the texts in the code
	$(BIN)/python -m core.i18n.extract

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(PAGE_READY): $(PAGE)/package.json $(PAGE)/package-lock.json
	npm --prefix $(PAGE) ci --silent --no-audit --no-fund
	@touch $@

clean:
	rm -rf .venv build out ./*.egg-info $(PAGE)/node_modules
