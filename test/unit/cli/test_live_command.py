"""`evaluate-bag --live` where it cannot run, and the line that it prints."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.cli.figures import live_note
from ldn_openset_ros.cli.main import main
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.evaluation.summary import StageTime, TimingSummary


@pytest.fixture
def bag(tmp_path):
    path = tmp_path / "bag"
    with BagWriter(path) as writer:
        writer.write(Sample("", np.zeros((8, 8, 3), np.uint8)), 10**9)
    return path


def test_the_line_counts_images_and_gives_the_latency():
    timing = TimingSummary("", 1.0, 9, {"end_to_end": StageTime(90.0, 81.25, 120.04)}, 12, 9)
    assert live_note(timing) == (
        "images: sent 12, answered 9, dropped 3; end to end: median 81.2 ms, 95th percentile "
        "120.0 ms"
    )
    unknown = TimingSummary("", 1.0, 9, {}, 12, 9)
    assert live_note(unknown) == "images: sent 12, answered 9, dropped 3"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--score", "op"], "choose it by --fusion"),
        (["--outliers"], "--live goes with neither --outliers"),
        (["--resume"], "nor --resume"),
        (["--rate", "0"], "--rate is 0.0: give 0.01 to 100"),
    ],
)
def test_options_that_contradict_live_are_bad_usage(bag, tmp_path, capsys, options, reason):
    with pytest.raises(SystemExit) as error:
        main(["evaluate-bag", str(bag), "--live", "-o", str(tmp_path / "out"), *options])
    assert error.value.code == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_live_takes_one_bag(bag, tmp_path, capsys):
    other = shutil.copytree(bag, tmp_path / "other")
    with pytest.raises(SystemExit) as error:
        main(["evaluate-bag", str(bag), str(other), "--live", "-o", str(tmp_path / "out")])
    assert error.value.code == 2
    assert "--live takes one bag" in capsys.readouterr().err


def test_results_that_are_there_are_refused_before_anything_starts(bag, tmp_path, capsys):
    output = tmp_path / "out"
    output.mkdir()
    (output / "configuration.json").write_text("{}")
    assert main(["evaluate-bag", str(bag), "--live", "-o", str(output)]) == 1
    assert "out holds results already" in capsys.readouterr().err
    assert [path.name for path in output.iterdir()] == ["configuration.json"]


def test_without_ros_one_line_says_how_to_get_it(bag, tmp_path):
    code = (
        "import sys; sys.modules['rclpy'] = None; from ldn_openset_ros.cli.main import main;"
        "sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["evaluate-bag", str(bag), "--live", "-o", str(tmp_path / "out")]
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: --live needs ROS 2 (")
    assert "pip install 'ldn_openset_ros[ros]'" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
