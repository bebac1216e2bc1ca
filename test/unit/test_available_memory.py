"""What can still be taken of memory, by the files in which Linux tells it."""

from __future__ import annotations

import math
import resource

import pytest

from ldn_openset_ros import memory
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.memory import available_memory, check_memory


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Return a function that writes a file of the system, which has none at first."""
    monkeypatch.setattr(memory, "SYSTEM", tmp_path)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY,) * 2)

    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    return write


def test_the_least_of_machine_container_and_limit_counts(system, monkeypatch):
    assert available_memory() == math.inf
    system("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    assert available_memory() == 4000 * 1024
    group = "sys/fs/cgroup"
    system(f"{group}/memory.max", "max\n")
    system(f"{group}/memory.current", "3000\n")
    system(f"{group}/memory.stat", "anon 1\ninactive_file 500\n")
    assert available_memory() == 4000 * 1024
    system(f"{group}/memory.max", "10000\n")
    assert available_memory() == 10000 - 3000 + 500
    system("proc/self/status", "VmSize:\t  2 kB\n")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (5000, 5000))
    assert available_memory() == 5000 - 2048


def test_this_machine_tells():
    assert 2**20 < available_memory() < 2**50


def test_what_cannot_fit_is_named_with_both_figures(system):
    system("proc/meminfo", "MemAvailable: 1000000 kB\n")
    check_memory("a small one", memory.UNCHECKED_BYTES)
    check_memory("one that fits", 1_024_000_000)
    expected = "^a large one takes about 2.0 GB of memory, and 1.0 GB are free: make it smaller$"
    with pytest.raises(OpenSetError, match=expected):
        check_memory("a large one", 2 * 10**9)
