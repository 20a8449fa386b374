# Everything that the book can do for you. Each target sets itself up in .venv.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2
COURSE ?= course
OUT ?= graded
# the exercises' sources, with solutions and hidden tests; yours may be elsewhere: SOURCE=~/private/exercises
SOURCE ?= chapters/exercises/source
# what to run, release or grade, if not all of it: CHAPTERS="adam momentum"
PICKED := $(if $(CHAPTERS),--chapters $(CHAPTERS))
CLASS := $(if $(STUDENTS),--students "$(STUDENTS)")
LIMITS := $(if $(UNSAFE),--unsafe) $(if $(ANONYMOUS),--anonymous) $(if $(SECONDS),--cell-seconds $(SECONDS)) $(if $(ATTEMPTS),--attempts $(ATTEMPTS)) \
	$(if $(LATE),--late "$(LATE)") $(if $(EXTRA),--extra "$(EXTRA)")
CHECKED := tests/test_*.py dlcore dlbook
# students' names are people's: UTF-8 whatever the locale is
export PYTHONUTF8 := 1

.PHONY: help book lite serve test check notebooks notebooks-zip copies replications references exercises release collect grade desk bench lock outdated clean pdf epub site-zip axe

help:
	@echo "make book       build the site in _build/html  [CHAPTERS='adam momentum' alone, DRAFT=1 with default settings only]"
	@echo "make lite       fetch what runs Python in a browser, build the site with it  [PYODIDE=folder]"
	@echo "make serve      build it and show it in the browser"
	@echo "make pdf        print the built site into one PDF, linked from its first page (needs Chromium)"
	@echo "make epub       write it as an EPUB, linked from its first page (needs Chromium)"
	@echo "make site-zip   pack the site, to be read without a network, linked from its first page"
	@echo "make test       run all tests: the library, the chapters (nbval), the site"
	@echo "make check      the inner loop: lint, the library's tests and all docstrings, in a minute"
	@echo "make notebooks  run the chapters again and store their texts  [CHAPTERS=chapters/adam.ipynb]"
	@echo "make copies     derive the plain copies in notebooks/ from the chapters, exercises and pages"
	@echo "make notebooks-zip  pack the copies with pictures and the library into _build/notebooks.zip"
	@echo "make replications  try the published results again and write chapters/replications.md"
	@echo "                   [FULL=1 runs first what is missing at full size; NAMES='notes_race' only these]"
	@echo "make references  write chapters/references.md from references.bib"
	@echo "make exercises  derive the students' pages of the exercises from their sources"
	@echo "make release    write the students' notebooks to $(COURSE)/  [CHAPTERS='adam momentum' STUDENTS=students.txt]"
	@echo "make collect ZIP=file   sort what a platform delivers by student  [SUBMISSIONS=handed-in STUDENTS=...]"
	@echo "make grade SUBMISSIONS=dir   grade a class, into $(OUT)/  [CHAPTERS= STUDENTS= LATE= EXTRA= SECONDS= ATTEMPTS= ANONYMOUS=1 UNSAFE=1]"
	@echo "make desk       grade by hand what waits in $(OUT)/, task by task  [ANONYMOUS=1]"
	@echo "                (release, grade and desk take SOURCE=dir: exercises of your own)"
	@echo "make bench      compare the speed with PyTorch, weigh the pages"
	@echo "make lock       resolve requirements.txt anew"
	@echo "make outdated   show which packages moved since, and what their newest releases break"
	@echo "make clean      remove what was built"

# What reading, running and building the book needs, at the locked versions
.venv/reader: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "the book needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint requirements.txt --editable ".[book]"
	touch $@

# What teaching and testing need besides
.venv/ready: .venv/reader
	$(BIN)/pip install --quiet --requirement requirements.txt
	touch $@

book: .venv/reader
	$(BIN)/python -m dlbook.site $(if $(DRAFT),--draft) $(CHAPTERS)

# Once at hand, every later `make book` adds it to the site
lite: .venv/reader
	$(BIN)/python -m dlbook.lite.runtime $(if $(PYODIDE),--pyodide "$(PYODIDE)")
	$(MAKE) book

serve: book
	@echo "http://localhost:8000 (Ctrl-C ends it)"
	$(BIN)/python -m webbrowser http://localhost:8000 & \
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

# The whole book, in _build/html/downloads/
pdf epub: .venv/ready book
	$(BIN)/python -m dlbook.site.books $@

site-zip: book
	$(BIN)/python -m dlbook.site.books zip

# The newest accessibility rules for the tests; without npm they take those of a Python package
axe:
	@if command -v npm >/dev/null; then npm install --no-save --silent --no-audit --no-fund axe-core@4.14; fi

# The site first: its tests need it, and a chapter that it has run is compared without a second run
test: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	-$(MAKE) book CHAPTERS= DRAFT=
	$(BIN)/pytest --numprocesses $(JOBS) --durations 10

check: .venv/ready
	$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	$(BIN)/pytest --numprocesses $(JOBS) --quiet $(CHECKED)

# A second run changes no byte; on another machine it changes no text
notebooks: .venv/ready
	$(BIN)/python -m dlbook.reproducible $(BIN)/jupyter nbconvert --to notebook --execute --inplace \
		--ExecutePreprocessor.timeout=600 \
		--NotebookExporter.preprocessors=dlbook.notebooks.KeepText $(or $(CHAPTERS),$(wildcard chapters/*.ipynb chapters/deeper/*.ipynb))
	$(BIN)/python -m dlbook.plain
	$(BIN)/pytest --quiet tests/book/test_notebooks.py

# What GitHub, Colab and the like show; derived, never edited
copies: .venv/reader
	$(BIN)/python -m dlbook.plain

notebooks-zip: book
	$(BIN)/python -m dlbook.plain _build/notebooks.zip

# Tries the published results again, with a clock; what takes minutes is stored, and goes on where it was ended
replications: .venv/reader
ifneq ($(FULL),)
	$(BIN)/python -m dlbook.replications.full $(NAMES)
endif
	$(BIN)/python -m dlbook.reproducible $(BIN)/python -m dlbook.replications.ledger
	$(BIN)/python -m dlbook.plain

references: .venv/reader
	$(BIN)/python -m dlbook.references

# The sources with solutions and hidden tests are in chapters/exercises/source; pages are derived, never edited
exercises: .venv/ready
	$(BIN)/python -m dlbook.grader.release pages --source "$(SOURCE)"
	$(BIN)/python -m dlbook.plain
	$(BIN)/pytest --quiet tests/grader/test_release.py

release: .venv/ready
	$(BIN)/python -m dlbook.grader.release course "$(COURSE)" --source "$(SOURCE)" $(PICKED) $(CLASS)

# What Moodle, Canvas, nbgrader or GitHub Classroom delivers, sorted by student into SUBMISSIONS
collect: .venv/ready
	@test -n "$(ZIP)" || { echo "make collect ZIP=file [SUBMISSIONS=handed-in STUDENTS=students.txt]"; exit 2; }
	$(BIN)/python -m dlbook.grader.collect "$(ZIP)" "$(or $(SUBMISSIONS),handed-in)" $(CLASS) \
		--exercises $(notdir $(patsubst %/,%,$(wildcard $(SOURCE)/*/)))

grade: .venv/ready
	@test -n "$(SUBMISSIONS)" || { echo "make grade SUBMISSIONS=dir, where dir/<student>/<exercise>/<exercise>.ipynb"; exit 2; }
	$(BIN)/python -m dlbook.grader.grade "$(SUBMISSIONS)" "$(OUT)" --source "$(SOURCE)" $(PICKED) $(CLASS) $(LIMITS)

# The answers that a person grades, task by task, on a page that only this machine can open
desk: .venv/ready
	$(BIN)/python -m dlbook.grader.desk "$(OUT)" --source "$(SOURCE)" $(if $(ANONYMOUS),--anonymous)

bench: book
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/python tests/benchmarks/bench_training.py --runs 3
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/benchmarks/bench_training.py --runs 3
	$(BIN)/python tests/benchmarks/bench_site.py

# Resolved by the oldest Python that the book supports: newer ones pick packages that it cannot install
lock:
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet ".[book,teach,test]"
	.venv-lock/bin/pip freeze --all --exclude dlcore --exclude pip > requirements.txt
	rm -rf .venv-lock build

# In a scratch environment, _build/outdated; the lock and .venv stay as they are
outdated: .venv/ready
	$(BIN)/python -m dlbook.outdated --numprocesses $(JOBS) $(CHECKED) tests/explorer tests/figures

clean:
	rm -rf _build
