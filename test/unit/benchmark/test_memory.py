"""Peak memory of this process."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.benchmark import memory
from ldn_openset_ros.errors import OpenSetError


def test_a_peak_is_remembered_until_it_is_reset():
    before = memory.reset_peak()
    held = np.ones(100_000_000, np.uint8)
    held += 1
    del held
    assert 95 < memory.peak() - before < 140
    after = memory.reset_peak()
    assert memory.peak() - after < 20


def test_a_system_without_such_files_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PROCESS", tmp_path / "absent")
    with pytest.raises(OpenSetError, match="run this part on Linux"):
        memory.reset_peak()
