"""Peak memory of this process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ldn_openset_ros.benchmark import memory
from ldn_openset_ros.errors import OpenSetError

CODE = """
import numpy as np
from ldn_openset_ros.benchmark.memory import peak, reset_peak

before = reset_peak()
held = np.ones(100_000_000, np.uint8)
held += 1
del held
print(peak() - before)
after = reset_peak()
print(peak() - after)
"""


def test_a_peak_is_remembered_until_it_is_reset():
    # In a process of its own: this one may hand back what other tests held meanwhile.
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    remembered, reset = map(float, done.stdout.split())
    assert 95 < remembered < 140
    assert reset < 20


def test_a_system_without_such_files_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PROCESS", tmp_path / "absent")
    with pytest.raises(OpenSetError, match="run this part on Linux"):
        memory.reset_peak()
