# `make demo` and `make test` set up everything they need in .venv; only Python and make come first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PINS   := -c constraints.txt
ROS    := ros
SOURCE ?=
DEMO_ARGS ?=
TESTS  ?=
# Tests of the node on real DDS, for environments in which not everything runs.
SMOKE  ?= test/unit/ros test/unit/inference test/integration/test_node.py \
  test/integration/test_node_lifecycle.py test/integration/test_player.py \
  test/integration/test_evaluate_bag_live.py

# Jazzy's own Python where there is one, from pyenv as well.
NEWEST_PYTHON = $(shell for python in python3.12 "$$(pyenv prefix 3.12 || echo none)/bin/python" $(PYTHON); do \
  "$$python" -c '' && echo "$$python" && break; done 2> /dev/null)

.PHONY: demo test newest browser train lint clean

demo: $(STAMP)
	$(BIN)/ldn-openset demo $(if $(SOURCE),--source "$(SOURCE)") $(DEMO_ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest $(TESTS)

# The same on Jazzy's wheels and the newest release of everything else that setup.py allows.
newest:
	$(MAKE) demo test VENV=.venv-newest PINS= ROS=ros-jazzy TESTS="$(SMOKE)" \
	  DEMO_ARGS="--seconds 10 -o out/demo-newest" \
	  PYTHON="$(NEWEST_PYTHON)"

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
	  camvid_lite0_stage4 camvid_lite0 cityscapes_lite0; do \
	  $(BIN)/ldn-openset train config/experiments/$$stage.yaml --half || exit 1; done

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) .venv-newest out build install log *.egg-info .pytest_cache .ruff_cache

$(STAMP): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "error: $(PYTHON) is not Python 3.10 to 3.13: run make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q $(PINS) -e '.[$(ROS),train,backends,test]'
	@touch $(STAMP)
