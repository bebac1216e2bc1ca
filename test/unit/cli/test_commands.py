"""`ldn-openset` as users call it: exit codes, files written, one line for each error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_results import write_results

from ldn_openset_ros import cli, memory
from ldn_openset_ros.cli.commands import COMMANDS, CommandParser
from ldn_openset_ros.cli.main import build_parser, main

LIBRARIES = {
    "cv2",
    "jinja2.environment",
    "matplotlib",
    "numpy",
    "pydantic",
    "rclpy",
    "rich",
    "rosbags",
    "torch",
    "tqdm",
    "yaml",
}


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        cv2.imwrite(str(folder / f"{name}.png"), rng.integers(0, 256, (40, 60, 3), np.uint8))
    return folder


def test_info_says_what_a_model_is(tiny_model, tmp_path, capsys):
    assert main(["info", str(tiny_model), "--json", str(tmp_path / "i.json")]) == 0
    printed = capsys.readouterr().out
    assert "efficientnet_lite0" in printed
    assert "op_x_msm" in printed
    values = json.loads((tmp_path / "i.json").read_text())
    assert values["network"]["num_classes"] == 11
    assert values["parameters"] > 2_900_000


def test_predict_writes_every_map(tiny_model, pictures, tmp_path):
    output, figures = tmp_path / "out", tmp_path / "p.json"
    code = main(
        [
            "predict",
            str(tiny_model),
            str(pictures),
            "-o",
            str(output),
            "--json",
            str(figures),
            "--threshold",
            "0",
            "--device",
            "cpu",
        ]
    )
    assert code == 0
    assert len(list(output.iterdir())) == 8
    open_set = cv2.imread(str(output / "a_open_set.png"), cv2.IMREAD_UNCHANGED)
    assert open_set.shape == (40, 60)
    assert (open_set == 11).all()
    outlier = cv2.imread(str(output / "a_outlier.png"), cv2.IMREAD_UNCHANGED)
    assert outlier.dtype == np.uint16
    assert json.loads(figures.read_text())["outlier_share"][str(pictures / "a.png")] == 1.0


def test_predict_goes_on_after_a_broken_picture(tiny_model, pictures, tmp_path, capsys):
    (pictures / "c.png").write_bytes(b"no picture")
    output = tmp_path / "out"
    assert main(["predict", str(tiny_model), str(pictures), "-o", str(output)]) == 1
    assert "c.png is no readable picture" in capsys.readouterr().err
    assert (output / "a_panel.png").exists()
    assert (output / "b_panel.png").exists()


def test_an_odd_picture_costs_itself(tiny_model, pictures, tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(1)
    for name, shape in (
        ("one", (1, 1)),
        ("row", (1, 9)),
        ("long", (2, 300_000)),
        ("big", (128, 128)),
    ):
        cv2.imwrite(str(pictures / f"{name}.png"), rng.integers(0, 256, (*shape, 3), np.uint8))
    monkeypatch.setattr(memory, "UNCHECKED_BYTES", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 10_000 * 300)
    output, figures = tmp_path / "out", tmp_path / "p.json"
    files = ["-o", str(output), "--json", str(figures)]
    assert main(["predict", str(tiny_model), str(pictures), *files, "--backend", "torch"]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert len(errors) == 2
    assert f"{pictures}/big.png: recognising a picture of 128x128 pixels takes about" in errors[0]
    assert "GB are free: make it smaller" in errors[0]
    assert f"{pictures}/long.png, a picture of 300000x2 pixels, takes about" in errors[1]
    shares = json.loads(figures.read_text())["outlier_share"]
    assert {Path(path).stem for path in shares} == {"a", "b", "one", "row"}
    assert cv2.imread(str(output / "one_open_set.png"), cv2.IMREAD_UNCHANGED).shape == (1, 1)
    assert cv2.imread(str(output / "row_panel.png")).shape == (2 * 27, 18, 3)


def test_an_odd_frame_of_a_data_set_is_named(tiny_model, outlier_folder, capsys):
    for folder, channels in (("images", (3,)), ("labels", ())):
        cv2.imwrite(
            str(outlier_folder / folder / "long.png"), np.ones((2, 900_000, *channels), np.uint8)
        )
    where = ["--dataset", "folder", "--root", str(outlier_folder), "--device", "cpu"]
    assert main(["evaluate", str(tiny_model), *where]) == 1
    assert (
        "error: folder, frame long: a picture of 900000x2 pixels would be"
        in capsys.readouterr().err
    )


def test_predict_refuses_a_folder_without_pictures(tiny_model, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    output = tmp_path / "out"
    assert main(["predict", str(tiny_model), str(tmp_path / "empty"), "-o", str(output)]) == 1
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/empty holds no pictures: put .jpg or .png files there\n"
    )
    assert not output.exists()


def test_what_only_looks_like_a_picture_is_left_out(tiny_model, pictures, tmp_path, caplog):
    (pictures / "._a.png").write_bytes(b"\0\5\x16\7 of macOS")
    (pictures / "more.png").mkdir()
    output = tmp_path / "out"
    assert main(["predict", str(tiny_model), str(pictures), "-o", str(output)]) == 0
    assert len(list(output.iterdir())) == 8
    assert f"{pictures}/._a.png is left out: it is a file of macOS" in caplog.text
    assert f"{pictures}/more.png is left out: it is a folder" in caplog.text


COMMAND = [sys.executable, "-m", "ldn_openset_ros.cli.main"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full: run it on Linux")
def test_results_are_written_where_nothing_can_be_printed(tiny_model, outlier_folder, tmp_path):
    where = ["--dataset", "folder", "--root", str(outlier_folder), "--device", "cpu"]
    command = [*COMMAND, "evaluate", str(tiny_model), *where, "-o", str(tmp_path / "out")]
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [*command, "--json", str(tmp_path / "f.json")],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "error: cannot write the output: No space left on device"
    )
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
    assert (tmp_path / "out" / "report.html").is_file()
    assert json.loads((tmp_path / "f.json").read_text())["ranking"]["op"]["positives"] == 200


@pytest.mark.parametrize(
    ("redirection", "code"), [(">/dev/full", 1), (">&-", 0), (">&- 2>&- <&-", 0), ("| true", 0)]
)
@pytest.mark.parametrize("words", [["--help"], ["info", "MODEL", "--json", "JSON"]])
def test_an_output_that_cannot_be_written_gives_no_trace(
    tiny_model, tmp_path, words, redirection, code
):
    file = tmp_path / "i.json"
    names = {"MODEL": str(tiny_model), "JSON": str(file)}
    command = [*COMMAND, *(names.get(word, word) for word in words)]
    result = subprocess.run(
        ["sh", "-c", f'"$@" {redirection}', "sh", *command],
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code
    assert result.stdout == ""
    full = "error: cannot write the output: No space left on device\n"
    assert result.stderr == (full if code else "")
    if "info" in words:
        assert json.loads(file.read_text())["name"] == "tiny"


def test_a_user_without_home_and_name_gets_a_report(drive_evaluation, tmp_path):
    """As in a container: `docker run --user 12345`."""
    environment = {n: v for n, v in os.environ.items() if n not in ("HOME", "USER", "LOGNAME")}
    start = (
        "import pwd, sys\n"
        "def unknown(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = unknown\n"
        "from ldn_openset_ros.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    folder, report = write_results(tmp_path / "run", drive_evaluation), tmp_path / "report.html"
    words = ["report", str(folder), "-o", str(report)]
    subprocess.run([sys.executable, "-c", start, *words], env=environment, check=True)
    assert report.stat().st_size > 10_000


def test_predict_never_overwrites_one_result_by_another(tiny_model, pictures, tmp_path, capsys):
    other = tmp_path / "a.png"
    other.write_bytes((pictures / "a.png").read_bytes())
    code = main(["predict", str(tiny_model), str(pictures), str(other), "-o", str(tmp_path / "o")])
    assert code == 1
    assert "would write the same files" in capsys.readouterr().err


def test_evaluate_prints_its_protocol_and_writes_json(tiny_model, pictures, tmp_path, capsys):
    root = tmp_path / "root"
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    (root / "images" / "a.png").write_bytes((pictures / "a.png").read_bytes())
    truth = np.zeros((40, 60), np.uint8)
    truth[10:20, 10:20] = 1
    cv2.imwrite(str(root / "labels" / "a.png"), truth)
    figures = tmp_path / "e.json"
    code = main(
        [
            "evaluate",
            str(tiny_model),
            "--dataset",
            "folder",
            "--root",
            str(root),
            "--json",
            str(figures),
            "--score",
            "msm",
        ]
    )
    assert code == 0
    assert "global ranking" in capsys.readouterr().out
    values = json.loads(figures.read_text())
    assert values["ranking"]["msm"]["positives"] == 100
    assert values["ranking"]["msm"]["negatives"] == 2300
    assert values["mean_iou"] is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["info", "no/such/model"], "no/such/model"),
        (["predict", "no/such/model", "x.png", "-o", "/tmp/x"], "no/such/model"),
        (["evaluate", "no/such", "--dataset", "camvid", "--root", "/none"], "no/such"),
        (["evaluate", "camvid_lite0", "no/such", "--dataset", "camvid", "--root", "/"], "no/such"),
        (["evaluate", "--dataset", "camvid", "--root", "/none"], "--root: no folder /none"),
        (["info", "no/such/model", "--json", "/tmp"], "cannot write /tmp: it is a folder"),
        (["train", "no/such.yaml"], "no/such.yaml"),
    ],
)
def test_errors_are_one_line_and_exit_code_one(arguments, named, capsys):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert named in error


def test_bad_usage_is_exit_code_two(capsys):
    for arguments in (["fly"], ["evaluate", "--dataset", "mars", "--root", "x"], []):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    capsys.readouterr()


def test_an_unknown_command_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["fly"])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert "argument COMMAND: invalid choice: 'fly' (choose from" in error
    assert all(command.name in error for command in COMMANDS)


def test_help_lists_every_command_and_imports_no_library():
    code = (
        "import sys; from ldn_openset_ros.cli.main import main\n"
        "try: main(['--help'])\n"
        "finally: sys.stderr.write('\\n'.join(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    words = " ".join(result.stdout.split())
    for command in COMMANDS:
        assert f" {command.name} {command.help}" in words
    imported = set(result.stderr.split())
    assert "argparse" in imported
    assert not imported & LIBRARIES
    assert not imported & {f"ldn_openset_ros.cli.{command.module}" for command in COMMANDS}


def test_the_arguments_of_no_command_need_torch():
    code = (
        "import contextlib, io, sys; from ldn_openset_ros.cli.main import main\n"
        "for name in sys.argv[1:]:\n"
        "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "        main([name, '--help'])\n"
        "sys.stdout.write('\\n'.join(sys.modules))"
    )
    names = [command.name for command in COMMANDS]
    result = subprocess.run(
        [sys.executable, "-c", code, *names], capture_output=True, text=True, check=True
    )
    imported = set(result.stdout.split())
    assert {f"ldn_openset_ros.cli.{command.module}" for command in COMMANDS} <= imported
    # These list data sets, which are read by NumPy and OpenCV, and kinds of bags.
    assert not imported & (LIBRARIES - {"numpy", "cv2", "yaml", "rosbags"})


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_is_what_the_table_says(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command.name, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: ldn-openset {command.name} ")
    module = import_module(f"ldn_openset_ros.cli.{command.module}")
    assert module.__doc__.startswith(f"`ldn-openset {command.name}`: ")
    parser = CommandParser(command=command)
    assert parser.description == command.help
    with pytest.raises(SystemExit):
        parser.parse_args(["--no-such-option"])
    assert parser.get_default("run") is module.run


def test_every_module_with_arguments_of_its_own_is_in_the_table():
    modules = [
        path.stem
        for path in Path(cli.__file__).parent.glob("*.py")
        if "\ndef add_arguments(" in path.read_text()
    ]
    assert sorted(modules) == sorted(command.module for command in COMMANDS)


def test_a_parser_parses_more_than_once():
    parser = build_parser()
    assert parser.parse_args(["info", "first"]).model == "first"
    assert parser.parse_args(["info", "second"]).model == "second"


def test_an_unwritable_json_file_is_named(tiny_model, tmp_path, capsys):
    assert main(["info", str(tiny_model), "--json", str(tmp_path)]) == 1
    assert f"cannot write {tmp_path}" in capsys.readouterr().err


@pytest.fixture
def outlier_folder(pictures, tmp_path):
    """A data set of two pictures with outlier truth."""
    root = tmp_path / "outliers"
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True)
    for name in ("a", "b"):
        (root / "images" / f"{name}.png").write_bytes((pictures / f"{name}.png").read_bytes())
        truth = np.zeros((40, 60), np.uint8)
        truth[10:20, 10:20] = 1
        cv2.imwrite(str(root / "labels" / f"{name}.png"), truth)
    return root


def test_evaluate_refuses_masks_of_0_and_255_and_reads_them_when_told(
    tiny_model, outlier_folder, tmp_path, capsys
):
    where = ["--dataset", "folder", "--root", str(outlier_folder), "--device", "cpu"]
    figures = {}
    for value in (1, 255):
        for path in (outlier_folder / "labels").iterdir():
            truth = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            cv2.imwrite(str(path), np.where(truth, value, 0).astype(np.uint8))
        option = ["--outlier-value", str(value), "--json", str(tmp_path / f"{value}.json")]
        assert main(["evaluate", str(tiny_model), *where, *option]) == 0
        figures[value] = json.loads((tmp_path / f"{value}.json").read_text())["ranking"]
    assert figures[255] == figures[1]
    assert figures[255]["op"]["positives"] == 200
    capsys.readouterr()
    assert main(["evaluate", str(tiny_model), *where]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"the truth in {outlier_folder}/labels has no outlier pixel" in line
    assert "where 255 means outlier, give --outlier-value 255" in line


def test_evaluate_judges_by_the_papers_scores_and_the_models_own(
    calibrated_model, outlier_folder, tmp_path, capsys
):
    figures = tmp_path / "e.json"
    where = ["--dataset", "folder", "--root", str(outlier_folder), "--json", str(figures)]
    assert main(["evaluate", str(calibrated_model), *where]) == 0
    assert set(json.loads(figures.read_text())["ranking"]) == {"op", "msm", "op_x_msm"}
    capsys.readouterr()


def test_evaluate_refuses_a_score_the_model_cannot_give(tiny_model, outlier_folder, capsys):
    where = ["--dataset", "folder", "--root", str(outlier_folder)]
    assert main(["evaluate", str(tiny_model), *where, "--score", "standardised_max_logit"]) == 1
    assert "needs class statistics, which this model lacks" in capsys.readouterr().err


def test_evaluate_refuses_another_recognition_module_on_the_wrong_heads(
    tiny_model, outlier_folder, capsys
):
    where = ["--dataset", "folder", "--root", str(outlier_folder)]
    assert main(["evaluate", str(tiny_model), *where, "--recognition", "odin"]) == 1
    assert "odin needs segmentation_head classes and outlier_head false" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("assays", "reason"),
    [("0", "--assays is 0: give 1 or more"), ("2", "folder is not drawn at random")],
)
def test_assays_that_cannot_be_drawn_are_refused(
    tiny_model, outlier_folder, capsys, assays, reason
):
    where = ["--dataset", "folder", "--root", str(outlier_folder)]
    assert main(["evaluate", str(tiny_model), *where, "--assays", assays]) == 1
    caught = capsys.readouterr()
    assert caught.err.startswith("error: ")
    assert caught.err.count("\n") == 1, "nothing is measured first"
    assert reason in caught.err


@pytest.mark.parametrize("name", ["outlier_head", "multi_class", "c_plus_one"])
def test_evaluate_leaves_out_default_scores_that_the_model_cannot_give(
    small_model, outlier_folder, tmp_path, capsys, name
):
    expected = {
        "outlier_head": ["op"],
        "multi_class": ["msm"],
        "c_plus_one": ["op", "msm", "op_x_msm"],
    }
    figures = tmp_path / "e.json"
    where = ["--dataset", "folder", "--root", str(outlier_folder), "--json", str(figures)]
    assert main(["evaluate", str(small_model(name)), *where, "--device", "cpu"]) == 0
    assert list(json.loads(figures.read_text())["ranking"]) == expected[name]
    capsys.readouterr()


def test_evaluate_adds_the_models_own_score(small_model, outlier_folder, tmp_path, capsys):
    folder = small_model("two_heads")
    description = (folder / "model.yaml").read_text()
    (folder / "model.yaml").write_text(
        description.replace("fusion: op_x_msm", "fusion: dense_hybrid")
    )
    figures = tmp_path / "e.json"
    where = ["--dataset", "folder", "--root", str(outlier_folder), "--json", str(figures)]
    assert main(["evaluate", str(folder), *where]) == 0
    ranking = json.loads(figures.read_text())["ranking"]
    assert list(ranking) == ["op", "msm", "op_x_msm", "dense_hybrid"]
    capsys.readouterr()


def test_evaluate_recognises_in_another_way(small_model, outlier_folder, tmp_path, capsys):
    folder, found = small_model("multi_class"), {}
    for name in ("multi_class", "odin", "mc_dropout"):
        figures = tmp_path / f"{name}.json"
        where = ["--dataset", "folder", "--root", str(outlier_folder), "--json", str(figures)]
        assert main(["evaluate", str(folder), *where, "--recognition", name]) == 0
        found[name] = json.loads(figures.read_text())["ranking"]
    assert set(found["multi_class"]) == set(found["odin"]) == {"msm"}
    assert set(found["mc_dropout"]) == {"op", "msm", "op_x_msm"}
    assert len({ranking["msm"]["auroc"] for ranking in found.values()}) == 3
    assert all(ranking["msm"]["positives"] == 200 for ranking in found.values())
    capsys.readouterr()


def test_evaluate_refuses_dropout_that_was_not_trained(small_model, outlier_folder, capsys):
    where = ["--dataset", "folder", "--root", str(outlier_folder), "--recognition", "mc_dropout"]
    assert main(["evaluate", str(small_model("multi_class", dropout=0.0)), *where]) == 1
    error = capsys.readouterr().err
    assert "trained without dropout, which mc_dropout needs" in error
    assert error.count("\n") == 1


def test_assays_give_mean_and_standard_deviation(tiny_model, small_data, tmp_path, capsys):
    figures = tmp_path / "e.json"
    where = ["--dataset", "camvid_horses", "--split", "val", "--root", str(small_data)]
    code = main(["evaluate", str(tiny_model), *where, "--assays", "2", "--json", str(figures)])
    assert code == 0
    first, second = json.loads(figures.read_text())["assays"]
    assert first["ranking"]["op"]["positives"] != second["ranking"]["op"]["positives"]
    printed = capsys.readouterr().out
    assert "2 assays" in printed
    assert "±" in printed


def test_evaluate_compares_models_in_one_table_and_one_report(
    tiny_model, calibrated_model, outlier_folder, tmp_path, capsys
):
    where = ["--dataset", "folder", "--root", str(outlier_folder), "--device", "cpu"]
    output, figures = tmp_path / "out", tmp_path / "f.json"
    models = [str(tiny_model), str(calibrated_model)]
    code = main(["evaluate", *models, *where, "-o", str(output), "--json", str(figures)])
    assert code == 0
    printed = capsys.readouterr().out
    assert printed.count("op_x_msm from ") == 2
    assert "tiny: protocol: network at " in printed
    runs = json.loads(figures.read_text())["runs"]
    assert list(runs) == ["tiny", "calibrated"]
    # A temperature changes no ranking, but the decision.
    assert runs["tiny"]["ranking"] == runs["calibrated"]["ranking"]
    assert runs["calibrated"]["summary"]["decision"]["threshold"] == 0.39
    assert (output / "calibrated" / "summary.json").is_file()
    report = (output / "report.html").read_text()
    assert "tiny on folder" in report


def test_evaluate_tells_equal_names_apart(tiny_model, outlier_folder, tmp_path, capsys):
    where = ["--dataset", "folder", "--root", str(outlier_folder), "--device", "cpu"]
    code = main(["evaluate", *[str(tiny_model)] * 2, *where, "--json", str(tmp_path / "f.json")])
    assert code == 0
    assert list(json.loads((tmp_path / "f.json").read_text())["runs"]) == ["tiny", "tiny_2"]


def test_evaluate_keeps_its_json_and_adds_the_whole_summary(tiny_model, outlier_folder, tmp_path):
    where = ["--dataset", "folder", "--root", str(outlier_folder), "--device", "cpu"]
    options = ["--components", "obstacle", "--per-image", "--json", str(tmp_path / "f.json")]
    assert main(["evaluate", str(tiny_model), *where, *options]) == 0
    values = json.loads((tmp_path / "f.json").read_text())
    assert values["dataset"] == "folder"
    assert values["model"] == "tiny"
    summary = values["summary"]["scores"]["op"]
    for name in ("average_precision", "auroc", "fpr95"):
        assert values["ranking"]["op"][name] == summary[name]["value"]
        assert summary[name]["lower"] <= summary[name]["value"] <= summary[name]["upper"]
    assert summary["per_image"]["frames"] == values["frames"]
    assert summary["components"]["track"] == "obstacle"
