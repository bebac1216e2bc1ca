"""Times of starting processes: real ones, and what is made of known seconds."""

from __future__ import annotations

import pytest

from ldn_openset_ros.benchmark.start import (
    StartFigures,
    StartTime,
    measure_start,
    median_time,
    time_process,
)
from ldn_openset_ros.errors import OpenSetError

FIGURES = StartFigures(
    runs=3,
    python=StartTime(0.02, 0.03),
    help=StartTime(0.05, 0.06),
    torch=StartTime(1.6, 1.7),
    node=StartTime(2.0, 2.1),
)


def test_ratios_are_of_cpu_time():
    assert FIGURES.help_over_python == 2.5
    assert FIGURES.help_over_torch == 0.031
    assert FIGURES.torch_over_python == 80.0
    assert FIGURES.node_over_torch == 1.25


def test_medians_are_taken_of_each_clock():
    times = [StartTime(0.3, 0.4), StartTime(0.1, 0.9), StartTime(0.2, 0.50004)]
    assert median_time(times) == StartTime(0.2, 0.5)


def test_a_process_that_works_spends_cpu_time():
    code = "import time\nwhile time.process_time() < 0.3: pass"
    assert time_process(("-c", code)).cpu_s >= 0.3


def test_a_process_that_waits_spends_wall_time_alone():
    found = time_process(("-c", "import time; time.sleep(0.5)"))
    assert found.wall_s >= 0.5
    assert 0 < found.cpu_s < found.wall_s


def test_a_process_that_fails_is_an_error_with_its_last_line():
    with pytest.raises(OpenSetError) as caught:
        time_process(("-c", "import no_such_module"))
    assert str(caught.value) == (
        "`python -c import no_such_module` fails (ModuleNotFoundError: No module named "
        "'no_such_module'): run it by itself to see why"
    )
    with pytest.raises(OpenSetError, match=r"fails \(exit code 3\)"):
        time_process(("-c", "raise SystemExit(3)"))


def test_a_process_that_hangs_is_ended():
    with pytest.raises(OpenSetError, match=r"takes more than 0\.2 s"):
        time_process(("-c", "import time; time.sleep(60)"), timeout=0.2)


def test_commands_and_node_are_measured():
    pytest.importorskip("rclpy")
    found = measure_start(runs=1)
    assert found.runs == 1
    # Apart by a factor of 30 or more: no load of the machine turns these round.
    assert max(found.python.cpu_s, found.help.cpu_s) < min(found.torch.cpu_s, found.node.cpu_s)
    for time in (found.python, found.help, found.torch, found.node):
        assert time.cpu_s > 0
        assert time.wall_s > 0
