"""A Matplotlib that is old or broken is told before the work starts, in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from bag_of_frames import make_samples, write_bag

from ldn_openset_ros.cli import plotting
from ldn_openset_ros.cli.main import main
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.folders import check_writable

COMMANDS = (
    ["evaluate-bag", "drive", "-o", "out"],
    ["evaluate", "--dataset", "folder", "--root", "none", "-o", "out"],
    ["report", "out", "-o", "out/report.html"],
    ["benchmark", "--parts", "cost", "--plot", "out/cost.svg"],
)
"""Without data: whoever began the work would miss it first."""


def broken(folder: Path) -> None:
    """Make what NumPy 2 makes of a Matplotlib that was built for NumPy 1."""
    (folder / "matplotlib").mkdir()
    (folder / "matplotlib" / "__init__.py").write_text(
        "raise ImportError('numpy.core.multiarray failed to import')\n"
    )


def broken_at_work(folder: Path) -> None:
    """Make one that can be imported and cannot draw."""
    (folder / "matplotlib").mkdir()
    (folder / "matplotlib" / "__init__.py").touch()
    (folder / "matplotlib" / "figure.py").write_text(
        "class Figure:\n    def add_subplot(self):\n        raise RuntimeError('no\\nfonts')\n"
    )


def old(folder: Path) -> None:
    """Make an older one, in whose place the newer one is imported."""
    info = folder / "matplotlib-3.6.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: matplotlib\nVersion: 3.6.3\n")


def run_with(spoil, folder: Path, *words: str) -> str:
    """Run a command beside a spoilt Matplotlib; return its only line."""
    libraries = folder / "libraries"
    libraries.mkdir()
    spoil(libraries)
    paths = [str(libraries), *filter(None, [os.environ.get("PYTHONPATH")])]
    result = subprocess.run(
        [sys.executable, "-m", "ldn_openset_ros.cli.main", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_commands_that_draw_at_their_end_look_first(tmp_path, words):
    write_bag(tmp_path / "drive", make_samples(1))
    (tmp_path / "none").mkdir()
    line = run_with(broken, tmp_path, *words)
    assert "does not work here (numpy.core.multiarray failed to import)" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (broken_at_work, "the report needs Matplotlib, which does not work here (no fonts)"),
        (old, "the report needs a newer Matplotlib than 3.6.3"),
    ],
)
def test_what_is_wrong_with_it_is_told_with_the_remedy(tmp_path, spoil, reason):
    line = run_with(spoil, tmp_path, "report", "out")
    assert line == f"error: {reason}: pip install --upgrade 'matplotlib>=3.9'\n"


def test_an_absent_one_is_asked_for(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(plotting, "version", absent)
    with pytest.raises(OpenSetError, match=r"^--plot needs Matplotlib: pip install --upgrade '"):
        plotting.check_matplotlib("--plot")


def test_this_one_can_draw():
    plotting.check_matplotlib("the report")


def test_files_of_the_end_are_looked_at_before_the_work(tmp_path, capsys):
    (tmp_path / "file").touch()
    for option, path, reason in (
        ("--json", tmp_path, "it is a folder"),
        ("--markdown", tmp_path / "file" / "a.md", f"{tmp_path / 'file'} is no folder"),
        ("--plot", tmp_path / "file" / "b" / "c.svg", f"{tmp_path / 'file'} is no folder"),
    ):
        # The model is not there either: that would be told first if the work had begun.
        words = ["benchmark", "no/model", "--parts", "cost", option, str(path)]
        assert main(words) == 1
        error = capsys.readouterr().err
        assert error == f"error: cannot write {path}: {reason}; choose another place\n"


def test_a_file_whose_folder_is_made_later_may_be_asked_for(tmp_path):
    check_writable(tmp_path / "new" / "folder" / "f.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_others_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OpenSetError, match=f"{tmp_path} is not yours to write"):
        check_writable(tmp_path / "f.json")
