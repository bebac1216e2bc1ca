"""doc/reliability.md and the fault suite name the same tests."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\|.*\| `(test_\w+)` \|$", re.MULTILINE)
TEST = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def test_every_row_has_its_test_and_every_test_its_row():
    rows = ROW.findall((REPOSITORY / "doc" / "reliability.md").read_text())
    suite = sorted((REPOSITORY / "test" / "integration").glob("test_node_faults_*.py"))
    tests = [name for path in suite for name in TEST.findall(path.read_text())]
    assert len(tests) > 20
    assert sorted(rows) == sorted(tests)
