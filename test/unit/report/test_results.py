"""Reading results folders."""

from __future__ import annotations

from dataclasses import replace

import pytest
from evaluation_results import write_results

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.report.results import read_runs


def test_reads_back_what_an_evaluation_wrote(folder, drive_evaluation):
    (run,) = read_runs([folder])
    assert run.label == "camvid_lite0 on drive_3"
    assert run.summary == drive_evaluation.summary
    assert run.timing == drive_evaluation.timing
    assert run.frames == drive_evaluation.frames


def test_equal_titles_are_told_apart_by_folder_and_then_by_number(drive_evaluation, tmp_path):
    folders = [tmp_path / "x" / "day", tmp_path / "x" / "night", tmp_path / "y" / "night"]
    for folder in folders:
        write_results(folder, replace(drive_evaluation, pictures={}))
    labels = [run.label.removeprefix(drive_evaluation.summary.title) for run in read_runs(folders)]
    assert labels == [" (day)", " (night) #1", " (night) #2"]


def test_a_folder_without_results_says_where_they_come_from(tmp_path):
    with pytest.raises(OpenSetError, match=r"no results at .*summary\.json: give the folder that"):
        read_runs([tmp_path])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("summary.json", "{", r"cannot read .*summary\.json: "),
        ("summary.json", '{"format": 1}', r"summary\.json: title: Field required"),
        ("timing.json", "[]", r"timing\.json: "),
        ("frames.jsonl", '{"frame": ', r"frames\.jsonl, line 1 is no valid JSON: "),
        ("frames.jsonl", '{"frame": "1"}', r"frames\.jsonl, line 1: source: Field required"),
    ],
)
def test_a_damaged_file_is_named(folder, name, content, message):
    (folder / name).write_text(content)
    with pytest.raises(OpenSetError, match=message):
        read_runs([folder])


def test_another_format_is_refused(folder, drive_evaluation, tmp_path):
    newer = replace(drive_evaluation, summary=replace(drive_evaluation.summary, format=2))
    with pytest.raises(OpenSetError, match="has format 2, this version reads 1: evaluate again"):
        read_runs([write_results(tmp_path / "newer", newer)])
