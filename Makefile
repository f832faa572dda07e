# make demo | test | docs | claims | dist | sbom ...: each makes the environment it needs in .venv first
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# processes that share the tests, of one thread each; logical: one for each core, and 8 at most for their memory
WORKERS ?= logical
INSTALLED := setup.cfg setup.py pyproject.toml constraints.txt $(wildcard symmetry_audit/engine/*.[ch])
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# warnings are errors, and so are names and links that lead nowhere
SPHINX := sphinx -W -n --keep-going -q -c docs

.PHONY: demo test page slow lint format types docs docs-check claims dist lock sbom clean

demo: $(VENV)/.installed
	$(BIN)/symaudit demo --force

test: $(VENV)/.installed-test lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal --nbmake

# report.html in a headless Chromium, which the system has to have; `make test` then includes these tests
page: $(VENV)/.installed-test tests/pages/node_modules/.installed
	$(BIN)/python -m pytest tests/pages

slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest --slow -m slow

lint: $(VENV)/.installed-test types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.installed-test
	$(BIN)/python tests/type_errors.py

# the site, in build/docs/index.html; the first time it runs the notebooks and the gallery
docs: $(VENV)/.installed-test
	$(BIN)/python -m $(SPHINX) -a . build/docs

# its text, references and links alone: the tests run notebooks and gallery
docs-check: $(VENV)/.installed-test
	$(BIN)/python -m $(SPHINX) -D nb_execution_mode=off -D plot_gallery=0 -D suppress_warnings=image.not_readable . build/docs-check

claims: $(VENV)/.installed-test
	$(BIN)/python benchmarks/claims.py

dist: $(VENV)/.installed-dist
	rm -rf build dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

# constraints.txt again, for every system and Python; versions in it stay where they can: LOCK=--upgrade renews all
lock: $(VENV)/.installed-dist
	mkdir -p build
	sed '/^[^#]/d' constraints.txt > build/lock.txt
	$(BIN)/uv pip compile setup.cfg --universal --python-version 3.11.5 --fork-strategy fewest --all-extras \
		--no-header --no-annotate --quiet --output-file constraints.txt $(LOCK)
	cat constraints.txt >> build/lock.txt
	mv build/lock.txt constraints.txt

# what is installed in $(VENV), as CycloneDX; VENV=build/sbom has nothing but the product and the tools of this target
sbom: $(VENV)/.installed-dist
	mkdir -p dist
	$(BIN)/cyclonedx-py environment $(BIN)/python --output-format JSON --output-file dist/symaudit.cdx.json

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python $(INSTALLED)
	$(PIP) --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/bin/python $(INSTALLED)
	$(PIP) --editable ".[test,docs]"
	touch $@ $(VENV)/.installed

$(VENV)/.installed-dist: $(VENV)/bin/python $(INSTALLED)
	$(PIP) --editable ".[dist]"
	touch $@ $(VENV)/.installed

tests/pages/node_modules/.installed: tests/pages/package.json
	npm --prefix tests/pages install --ignore-scripts --silent
	touch $@

clean:
	rm -rf $(VENV) tests/pages/node_modules build dist *.egg-info
