# `make demo` and `make test` set up everything they need in .venv; only Python and make come first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SOURCE ?=
DEMO_ARGS ?=

.PHONY: demo test train lint clean

demo: $(STAMP)
	$(BIN)/ldn-openset demo $(if $(SOURCE),--source "$(SOURCE)") $(DEMO_ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest

train: $(STAMP)
	$(BIN)/ldn-openset train config/experiments/camvid_lite0_roads.yaml
	$(BIN)/ldn-openset train config/experiments/camvid_lite0_scenes.yaml
	$(BIN)/ldn-openset train config/experiments/camvid_lite0.yaml

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) out build install log *.egg-info .pytest_cache .ruff_cache

$(STAMP): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
	  || { echo "error: $(PYTHON) is not Python 3.10 to 3.12: run make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[ros,train,test]'
	@touch $(STAMP)
