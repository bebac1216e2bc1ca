"""`ldn-openset reproduce` as users call it: a table trained, measured and written for real."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from ldn_openset_ros.cli.main import main

TABLE = {
    "title": "Table 1: small",
    "columns": [
        {"key": "ap", "title": "AP", "test": "pasted", "measure": "average_precision"},
        {"key": "miou", "title": "mIoU", "test": "pasted", "measure": "mean_iou"},
    ],
    "rows": [
        {"title": "C-way", "run": "multi_class", "score": "msm", "paper": {"ap": 5.0}},
        {"title": "ODIN", "run": "multi_class", "recognition": "odin", "score": "msm"},
    ],
}
PROFILE = {
    "needs": ["camvid", "horses"],
    "experiment": "experiment.yaml",
    "seeds": [1, 2],
    "tests": {"pasted": {"dataset": "camvid_horses", "split": "val"}},
    "notes": ["Made for a test."],
}


@pytest.fixture
def plan(small_plan) -> Path:
    """The small plan with a table and both profiles, of which the paper's lacks its data."""
    files = {"table1": TABLE, "camvid": PROFILE, "vistas": PROFILE | {"needs": ["vistas"]}}
    for name, values in files.items():
        (small_plan / f"{name}.yaml").write_text(yaml.safe_dump(values))
    return small_plan


def reproduce(data: Path, output: Path, *more: str) -> int:
    where = ["--data", str(data), "-o", str(output), "--device", "cpu"]
    return main(["reproduce", "table1", *where, *more])


def test_a_table_is_written_as_markdown_and_json(plan, small_data, tmp_path, capsys):
    output = tmp_path / "out"
    assert reproduce(small_data, output) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Table 1: small" in printed
    assert "table1.md" in printed
    lines = (output / "table1.md").read_text().splitlines()
    assert lines[0] == "### Table 1: small"
    assert lines[2].startswith("Profile `camvid`, seeds 1, 2; in per cent")
    assert lines[-1] == "- Made for a test."
    values = json.loads((output / "table1.json").read_text())
    assert (values["profile"], values["seeds"]) == ("camvid", [1, 2])
    figure = values["rows"][0]["figures"]["ap"]
    measured = [
        json.loads((output / f"multi_class/seed{seed}/measured/pasted_own_0.json").read_text())
        for seed in (1, 2)
    ]
    assert figure["values"] == [
        round(100 * entry["ranking"]["msm"]["average_precision"], 3) for entry in measured
    ]
    mean, deviation = figure["mean"], figure["standard_deviation"]
    cell = f"| C-way | msm | {mean:.1f} ± {deviation:.1f} (5) |"
    assert any(line.startswith(cell) for line in lines)


def test_a_second_call_only_writes_the_table_again(plan, small_data, tmp_path, capsys):
    output = tmp_path / "out"
    assert reproduce(small_data, output, "--seed", "2", "--seed", "2") == 0
    table = (output / "table1.json").read_text()
    assert json.loads(table)["seeds"] == [2]
    assert not (output / "multi_class" / "seed1").exists()
    runs = [path for path in (output / "multi_class").rglob("*") if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in runs}
    (output / "table1.json").unlink()
    assert reproduce(small_data, output, "--seed", "2") == 0
    assert (output / "table1.json").read_text() == table
    assert {path: path.stat().st_mtime_ns for path in runs} == before
    capsys.readouterr()


def test_runs_go_to_a_folder_of_the_profile(plan, small_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "table1", "--data", str(small_data), "--seed", "1"]) == 0
    assert (tmp_path / "runs/reproduce/camvid/table1.md").exists()
    capsys.readouterr()


def test_missing_data_is_one_line_that_names_them(plan, small_data, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(small_data, data)
    shutil.rmtree(data / "horses")
    assert reproduce(data, tmp_path / "out") == 1
    assert capsys.readouterr().err == (
        f"error: {data} has not the data of a profile: vistas lacks vistas; camvid lacks horses; "
        "put these folders there or give another --data\n"
    )
    assert reproduce(small_data, tmp_path / "out", "--profile", "vistas") == 1
    assert "vistas lacks vistas; put" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--seed", "7"], "profile camvid has no seed 7: choose 1, 2"),
        (["--device", "tpu"], "unknown device 'tpu'|device 'tpu' is not supported"),
    ],
)
def test_what_cannot_be_had_is_one_line(plan, small_data, tmp_path, capsys, more, reason):
    assert reproduce(small_data, tmp_path / "out", *more) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert any(part in error for part in reason.split("|"))


def test_an_unwritable_table_is_named(plan, small_data, tmp_path, capsys):
    (tmp_path / "out" / "table1.md").mkdir(parents=True)
    assert reproduce(small_data, tmp_path / "out", "--seed", "1") == 1
    assert f"error: cannot write {tmp_path}/out/table1.md: " in capsys.readouterr().err


def test_unknown_tables_and_profiles_are_bad_usage(capsys):
    for arguments in (["table9"], ["table1", "--profile", "moon"], ["table1", "--seed", "x"]):
        with pytest.raises(SystemExit) as caught:
            main(["reproduce", *arguments])
        assert caught.value.code == 2
    capsys.readouterr()
