# Everything that the book can do for you. Each target sets itself up in .venv.
PYTHON ?= python3
BIN := .venv/bin
CHAPTERS ?= $(wildcard chapters/*.ipynb)
JOBS ?= 2

.PHONY: help book serve test notebooks replications bench lock clean

help:
	@echo "make book       build the site in _build/html"
	@echo "make serve      build it and show it in the browser"
	@echo "make test       run all tests: the library, the chapters (nbval), the site"
	@echo "make notebooks  run the chapters again and store their texts  [CHAPTERS=chapters/adam.ipynb]"
	@echo "make replications  try the published results again and write chapters/replications.md"
	@echo "make bench      compare the speed with PyTorch, weigh the pages"
	@echo "make lock       resolve requirements.txt anew"
	@echo "make clean      remove what was built"

.venv/ready: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "the book needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

book: .venv/ready
	$(BIN)/jupyter-book build . --warningiserror --nitpick --keep-going

serve: book
	@echo "http://localhost:8000 (Ctrl-C ends it)"
	$(BIN)/python -m webbrowser http://localhost:8000 & \
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory _build/html

test: .venv/ready
	$(BIN)/pytest --numprocesses $(JOBS)

# A second run changes no byte; on another machine it changes no text
notebooks: .venv/ready
	$(BIN)/python -m dlcore.book.reproducible $(BIN)/jupyter nbconvert --to notebook --execute --inplace \
		--ExecutePreprocessor.timeout=600 \
		--NotebookExporter.preprocessors=dlcore.book.notebooks.KeepText $(CHAPTERS)
	$(BIN)/pytest --quiet tests/test_notebooks.py

# Tries the published results again, with a clock
replications: .venv/ready
	$(BIN)/python -m dlcore.book.reproducible $(BIN)/python -m dlcore.book.replications

bench: book
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/python tests/benchmarks/bench_training.py --runs 3
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/benchmarks/bench_training.py --runs 3
	$(BIN)/python tests/benchmarks/bench_site.py

lock:
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet ".[book,test]"
	.venv-lock/bin/pip freeze --exclude dlcore > requirements.txt
	rm -rf .venv-lock build

clean:
	rm -rf _build
