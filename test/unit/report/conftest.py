"""What tests of the report share."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluation_results import Results, write_results

from ldn_openset_ros.report.results import Run, read_runs


@pytest.fixture
def folder(drive_evaluation: Results, tmp_path) -> Path:
    """A results folder."""
    return write_results(tmp_path / "run", drive_evaluation)


@pytest.fixture
def run(folder) -> Run:
    """The results in `folder`, read."""
    return read_runs([folder])[0]
