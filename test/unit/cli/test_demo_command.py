from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console

from ldn_openset_ros.benchmark.timings import Timing
from ldn_openset_ros.cli.demo import as_table
from ldn_openset_ros.cli.main import build_parser, main
from ldn_openset_ros.ros.demo.summary import Summary

SUMMARY = Summary(
    valid=True,
    problems=(),
    source="sample camera",
    node={"model": "camvid_lite0"},
    seconds=30.0,
    frames_in=300,
    processed=201,
    dropped=99,
    unmatched=0,
    rate_hz=6.667,
    latency_ms={"network": Timing(84.0, 99.94), "end_to_end": None},
    average_precision=0.5125,
    auroc=0.9,
    fpr95=0.125,
    mean_iou=None,
    open_set_mean_iou=None,
    missing={
        "mean_iou": "no truth of labels",
        "open_set_mean_iou": "no truth of labels",
        "latency_ms.end_to_end": "another clock",
    },
    protocol="p",
)


def test_the_table_shows_figures_or_reasons():
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(as_table(SUMMARY))
    rows = {}
    for line in console.export_text().splitlines():
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        if len(cells) == 2:
            rows[cells[0]] = cells[1]
    assert rows["frames in"] == "300"
    assert rows["dropped"] == "99"
    assert rows["rate"] == "6.67 Hz"
    assert rows["network: median / p95"] == "84.0 / 99.9 ms"
    assert rows["end to end: median / p95"] == "another clock"
    assert rows["AP"] == "51.25 %"
    assert rows["FPR95"] == "12.50 %"
    assert rows["mIoU"] == "no truth of labels"


def test_arguments_have_the_defaults_of_make_demo():
    args = build_parser().parse_args(["demo"])
    assert args.seconds == 30.0
    assert str(args.output) == "out/demo"
    assert args.source is None
    assert args.model == "camvid_lite0"


@pytest.mark.parametrize(
    "options",
    [["--seconds", "0"], ["--rate", "-1"], ["--size", "640"], ["--size", "axb"], ["--seed", "x"]],
)
def test_bad_usage_is_exit_code_2(options):
    with pytest.raises(SystemExit) as exit_info:
        main(["demo", *options])
    assert exit_info.value.code == 2


def test_a_missing_model_or_source_is_one_line(tiny_model, tmp_path, capsys):
    output = ["-o", str(tmp_path / "out")]
    assert main(["demo", "--model", "absent", *output]) == 1
    assert main(["demo", "--model", str(tiny_model), "--source", "nowhere.mp4", *output]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "no model 'absent'" in first
    assert "nowhere.mp4" in second
    assert not (tmp_path / "out").exists()


def test_without_ros_the_remedy_is_told(tiny_model, tmp_path):
    # A fresh interpreter: other tests may have imported rclpy into this one.
    code = (
        "import sys; sys.modules['rclpy'] = None;"
        "from ldn_openset_ros.cli.main import main;"
        f"sys.exit(main(['demo', '--model', {str(tiny_model)!r}, '-o', {str(tmp_path / 'o')!r}]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "pip install 'ldn_openset_ros[ros]'" in result.stderr
