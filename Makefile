# `make demo` and `make test` set up everything they need in .venv; only Python and make come first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SOURCE ?=
DEMO_ARGS ?=

.PHONY: demo test browser train lint clean

demo: $(STAMP)
	$(BIN)/ldn-openset demo $(if $(SOURCE),--source "$(SOURCE)") $(DEMO_ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest

# A Chromium for the tests of HTML pages, which are skipped where there is none.
browser:
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then \
	  true; \
	elif command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -q && apt-get install -q -y --no-install-recommends chromium \
	    || echo "no chromium from apt: pages are not tested in a browser"; \
	else \
	  echo "install chromium, on Debian with: apt-get install chromium"; \
	fi

train: $(STAMP)
	for stage in camvid_lite0_stage1 camvid_lite0_stage2 camvid_lite0_stage3 \
	  camvid_lite0_stage4 camvid_lite0; do \
	  $(BIN)/ldn-openset train config/experiments/$$stage.yaml --half || exit 1; done

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) out build install log *.egg-info .pytest_cache .ruff_cache

$(STAMP): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
	  || { echo "error: $(PYTHON) is not Python 3.10 to 3.12: run make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[ros,train,backends,test]'
	@touch $(STAMP)
