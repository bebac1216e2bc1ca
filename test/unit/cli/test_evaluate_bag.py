"""`ldn-openset evaluate-bag` as users call it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from bag_of_frames import make_samples, write_bag

from ldn_openset_ros.cli import evaluate_bag
from ldn_openset_ros.cli.main import main
from ldn_openset_ros.report.results import read_runs


@pytest.fixture
def bag(tmp_path) -> Path:
    return write_bag(tmp_path / "drive", make_samples(4))


@pytest.fixture
def command(tiny_model, tmp_path):
    """Return a function that runs the command with the tiny model, or without a model."""

    def run(*arguments, model: bool = True) -> int:
        chosen = ["--model", tiny_model, "--device", "cpu"] if model else []
        words = ["evaluate-bag", "--replicates", 10, *chosen, *arguments]
        return main([str(word) for word in words])

    return run


def test_figures_protocol_and_report(command, bag, tmp_path, capsys):
    output = tmp_path / "results"
    assert command(bag, "-o", output, "--json", tmp_path / "s.json", "--per-image") == 0
    printed = capsys.readouterr().out
    for words in (
        "tiny on drive",
        "op_x_msm",
        "protocol: network at 64x48, measured at 64x48; 4 frames, 4 with outlier truth",
        "segmentation: mIoU ",
        "decision: op_x_msm from 0.5 on; outlier share ",
        "mean of 4 per-image measures",
        f"look at {output}/report.html",
    ):
        assert words in printed
    assert "faults" not in printed
    values = json.loads((tmp_path / "s.json").read_text())
    assert values == json.loads((output / "summary.json").read_text())
    value = values["scores"]["op"]["average_precision"]["value"]
    assert f"{100 * value:.2f}" in printed
    assert f"{100 * value:.2f}" in (output / "report.html").read_text()


def test_faults_are_counted_where_a_person_sees_them(command, tmp_path, capsys):
    samples = make_samples(4)
    samples[1] = replace(samples[1], outlier=samples[1].outlier[::2, ::2].copy())
    bag = write_bag(tmp_path / "drive", samples)
    assert command(bag, "-o", tmp_path / "results") == 0
    assert "faults, named in faults.jsonl: wrong_size 1" in capsys.readouterr().out
    (line,) = (tmp_path / "results" / "faults.jsonl").read_text().splitlines()
    fault = json.loads(line)
    assert (fault["topic"], fault["stamp_ns"]) == ("/ground_truth/outlier", 2_000_000_000)
    assert fault["reason"] == "32x24 pixels for a frame of 64x48"


def test_a_model_and_the_outputs_it_left_are_compared(command, bag, tmp_path, capsys):
    outputs = tmp_path / "outputs"
    assert command(bag, "-o", tmp_path / "model", "--output-bag", outputs) == 0
    assert command(outputs, "--outliers", "-o", tmp_path / "recorded", model=False) == 0
    assert "recorded outputs of tiny" in capsys.readouterr().out
    folders = [tmp_path / "model", tmp_path / "recorded"]
    by_model, recorded = (run.summary.decision for run in read_runs(folders))
    assert by_model.outlier_share == recorded.outlier_share
    assert main(["report", *map(str, folders), "-o", str(tmp_path / "both.html")]) == 0
    assert "outputs recorded in outputs" in (tmp_path / "both.html").read_text()


def test_a_folder_of_bags_and_bags_by_name_are_evaluated_together(command, tmp_path, capsys):
    for number in range(2):
        write_bag(tmp_path / "drives" / f"drive{number}", make_samples(2, number))
    third = write_bag(tmp_path / "third", make_samples(2, 2))
    assert command(tmp_path / "drives", third, "-o", tmp_path / "results") == 0
    assert "3 bags: drive0, drive1, third" in capsys.readouterr().out
    (run,) = read_runs([tmp_path / "results"])
    assert run.summary.frames == 6
    single = json.loads((tmp_path / "results/bags/001_drive1/summary.json").read_text())
    assert single["frames"] == 2


def test_results_are_not_overwritten_but_resumed(command, bag, tmp_path, capsys):
    assert command(bag, "-o", tmp_path / "results") == 0
    assert command(bag, "-o", tmp_path / "results") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert "--resume" in error
    assert command(bag, "-o", tmp_path / "results", "--resume") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none"], "no bag at none"),
        (["{bag}", "--image", "/front"], "--image: .* has no topic /front"),
        (["{bag}", "--score", "standardised_max_logit"], "needs class statistics"),
        (["{bag}", "--workers", "0"], "--workers is 0"),
        (["{bag}", "--downsample", "0"], "--downsample is 0"),
        (["{bag}", "--replicates", "-1"], "--replicates is -1"),
    ],
)
def test_errors_are_one_line(command, bag, tmp_path, capsys, arguments, words):
    arguments = [word.format(bag=bag) for word in arguments]
    assert command(*arguments, "-o", tmp_path / "results") == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert re.search(words, lines[0])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--outliers", "--score", "op"],
        ["--outliers", "--resolution", "96"],
        ["--open-set", "/openset/open_set"],
        ["--live", "--workers", "2"],
        ["--live", "--outliers"],
        ["--rate", "0"],
        ["--output-bag", "o", "--resume"],
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(bag, capsys, arguments):
    with pytest.raises(SystemExit) as exit_:
        main(["evaluate-bag", str(bag), *arguments])
    assert exit_.value.code == 2
    assert arguments[0] in capsys.readouterr().err.splitlines()[-1]


def test_a_recorded_probability_has_no_calibrated_threshold(bag, capsys):
    assert main(["evaluate-bag", str(bag), "--outliers", "--threshold", "calibrated"]) == 1
    assert "give a number" in capsys.readouterr().err


def test_it_is_an_executable_of_its_own(bag, tiny_model, tmp_path):
    arguments = [bag, "--model", tiny_model, "-o", tmp_path / "results", "--replicates", 0]
    assert evaluate_bag.main([str(argument) for argument in arguments]) == 0
    assert (tmp_path / "results" / "report.html").is_file()


def test_a_missing_bag_is_refused_before_the_slow_imports(tmp_path):
    code = (
        "import sys\nfrom ldn_openset_ros.cli.main import main\n"
        f"code = main(['evaluate-bag', {str(tmp_path / 'none')!r}])\n"
        "print(code, {'torch', 'matplotlib', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 set()"
    assert done.stderr.startswith("error: no bag at ")
