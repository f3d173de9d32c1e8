# Two commands: `make book` and `make test`. Either may come first; each does its own set-up.
# The newest that runs: some are there by name only.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	$$name --version >/dev/null 2>&1 && { command -v $$name; break; }; done)
READY  := .venv/.ready
RUN    := .venv/bin/

.PHONY: book test test-all help check format clean lock lab bench pdf mutants faults

help:            ## this list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+: +##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

book: $(READY)   ## run the stale chapters, build the pages, print where they are
	@$(RUN)linearlens book

pdf: $(READY)    ## build the pages, and print them to PDF, one by one and as one book; needs Chromium
	@$(RUN)linearlens pdf

test: $(READY)   ## style, types, units, chapters with their claims, the built book
	@$(MAKE) --no-print-directory check
	-@$(RUN)linearlens run  # both cores are at work; what fails here the tests report
	$(RUN)python -m pytest -n 2 --dist worksteal -m "not slow" --durations=20

test-all: $(READY) ## what `make test` leaves out, since it takes minutes; with some of the mutants
	$(RUN)python -m pytest -m slow --durations=20
	$(RUN)python tests/mutants.py 4

check: $(READY)  ## style and types only
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)codespell README.md book notebooks src tests data/claims.yml

format: $(READY) ## mend style where it can be mended
	$(RUN)ruff check --fix .
	$(RUN)ruff format .

lock: $(READY)   ## write requirements.lock and environment.yml from what .venv holds
	$(RUN)python -m linearlens.press.requirements

lab: $(READY)    ## open the chapters in JupyterLab, their text as on the pages
	$(RUN)python -m jupyterlab notebooks

bench: $(READY)  ## time the core beside its peers, one thread, and write book/speed.md
	PYTHONPATH=tests/architectures:tests/instance OMP_NUM_THREADS=1 $(RUN)python tests/bench/bench.py

mutants: $(READY) ## plant bugs one by one, and see that a test notices each
	$(RUN)python tests/mutants.py

faults: $(READY) ## kill, damage, fill and cut: plant faults in the press; takes hours, and goes on where it was stopped
	PYTHONPATH=tests $(RUN)python -m faults

clean:           ## remove what was built; keep .venv and downloaded data
	rm -rf _build

# A marker, written last: an interrupted set-up starts over.
$(READY): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { echo "error: Python 3.11, 3.12 or 3.13 is wanted; $(or $(PYTHON),python3) is $$("$(PYTHON)" --version 2>/dev/null || echo not there); install one (Debian: apt install python3 python3-venv) or name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo 'setting up .venv from requirements.lock: 2 to 10 minutes, mostly downloads, about 2 GB'
	@"$(PYTHON)" -m venv .venv || { echo "error: no virtual environment could be made; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(RUN)python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(RUN)python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(RUN)linearlens data fetch mnist-5k || echo 'the set-up goes on without these images: chapters that use them ask for them again'
	@touch $@
