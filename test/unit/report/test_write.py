"""The whole page: its figures are the JSON's, its text is text, it needs nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from evaluation_results import write_results
from report_page import Page

from ldn_openset_ros.cli.main import main
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.report.write import write_report

RANKING = "Ranking of pixels, per cent, with 95 % bootstrap intervals over frames"
PER_IMAGE = "Mean of the images' own measures, per cent: not to be compared with the ranking above"


@pytest.fixture
def written(tmp_path):
    """Return a function that reports on folders and returns the page."""

    def write(*folders) -> str:
        write_report(folders, tmp_path / "out" / "report.html")
        return (tmp_path / "out" / "report.html").read_text(encoding="utf-8")

    return write


def figure(estimate: dict) -> str:
    value, low, high = (100 * estimate[name] for name in ("value", "lower", "upper"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def test_figures_are_those_of_the_json(folder, written):
    values = json.loads((folder / "summary.json").read_text())
    page = Page(written(folder))
    ranking = page.tables[f"{RANKING}; bold: best"]
    assert ranking[0] == [
        "Score",
        "AP",
        "AUROC",
        "FPR95",
        "Best-F1 threshold",
        "Outlier pixels",
        "Inlier pixels",
    ]
    assert ranking[1] == [f"Protocol: {values['protocol']}"]
    for row, (name, score) in zip(ranking[2:], values["scores"].items(), strict=True):
        assert [cell.replace("*", "") for cell in row] == [
            name,
            figure(score["average_precision"]),
            figure(score["auroc"]),
            figure(score["fpr95"]),
            f"{score['best_f1_threshold']:.4g}",
            f"{score['positives']:,}",
            f"{score['negatives']:,}",
        ]
    classes = page.tables["IoU of each class, per cent"][2:]
    assert {row[0]: row[1] for row in classes} == {
        name: f"{100 * value:.2f}" for name, value in values["segmentation"]["class_iou"].items()
    }
    decision = page.tables["Rates, outlier share and expected calibration error (ECE) in per cent"]
    assert decision[2][:2] == [values["decision"]["score"], "0.02"]
    assert page.tables["Messages or frames that could not be used as they were"][1:] == [
        ["wrong_size", "2"],
        ["undecodable", "1"],
    ]


def test_the_best_score_is_marked(folder, run, written):
    rows = Page(written(folder)).tables[f"{RANKING}; bold: best"][2:]
    lowest = min(run.summary.scores.items(), key=lambda item: item[1].fpr95.value)[0]
    assert [row[0] for row in rows if row[3].startswith("*")] == [lowest]


def test_per_image_figures_have_a_protocol_of_their_own(folder, written):
    rows = Page(written(folder)).tables[f"{PER_IMAGE}; bold: best"]
    assert rows[1][0].startswith("Protocol: mean of each image's own ranking; otherwise as in: ")


def test_a_hostile_name_stays_text(drive_evaluation, tmp_path, written):
    hostile = "<script>alert('x')</script>\"$&"
    summary = replace(
        drive_evaluation.summary,
        title=hostile,
        protocol=hostile,
        sources=(hostile,),
        scores={hostile: drive_evaluation.summary.scores["msm"]},
        faults={hostile: 1},
        configuration={hostile: hostile},
        missed_outliers=(replace(drive_evaluation.summary.missed_outliers[0], frame=hostile),),
    )
    timing = replace(
        drive_evaluation.timing, stages={hostile[:16]: drive_evaluation.timing.stages["read"]}
    )
    results = replace(drive_evaluation, summary=summary, timing=timing)
    text = written(write_results(tmp_path / "hostile", results))
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script" not in text
    assert hostile in page.text["faults"]
    assert hostile in page.values("aria-label")


def test_equal_folders_give_equal_files(drive_evaluation, tmp_path, written):
    first = written(write_results(tmp_path / "a", drive_evaluation))
    assert written(write_results(tmp_path / "b", drive_evaluation)) == first


def test_a_page_needs_no_other_file_and_no_script(folder, written):
    text = written(folder)
    page = Page(text)
    assert not {"script", "iframe", "object", "base"} & {tag for tag, _ in page.tags}
    links = [*page.values("href"), *page.values("src")]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"https?:|@import|url\((?!#)", text)


def test_ids_are_unique_and_links_lead_somewhere(folder, written):
    page = Page(written(folder, folder))
    assert len(page.ids()) == len(set(page.ids()))
    targets = {link[1:] for link in page.values("href") if link.startswith("#")}
    assert targets <= set(page.ids())


def test_runs_with_one_protocol_are_compared(drive_evaluation, tmp_path, written):
    summary = drive_evaluation.summary
    better = replace(
        summary.scores["msm"], average_precision=replace(summary.scores["msm"].auroc, value=0.99)
    )
    other = replace(summary, title="other", scores={"msm": better})
    text = written(
        write_results(tmp_path / "a", drive_evaluation),
        write_results(tmp_path / "b", replace(drive_evaluation, summary=other)),
    )
    rows = Page(text).tables[f"{RANKING}; bold: best"]
    marked = [row[0:2] for row in rows if len(row) > 1 and row[1].startswith("*")]
    assert len(marked) == 1
    assert marked[0][1].startswith("*99.00 ")
    assert "All runs rest on the same protocol" in text
    assert "different protocols" not in text


def test_runs_with_other_protocols_are_not(drive_evaluation, tmp_path, written):
    other = replace(drive_evaluation.summary, title="other", protocol="mean of images")
    text = written(
        write_results(tmp_path / "a", drive_evaluation),
        write_results(tmp_path / "b", replace(drive_evaluation, summary=other)),
    )
    assert "The runs rest on different protocols" in text
    page = Page(text)
    assert page.tables[RANKING][5] == ["otherProtocol: mean of images"]
    assert not any("bold" in caption for caption in page.tables)


def test_nothing_to_report_on_is_an_error(tmp_path):
    with pytest.raises(OpenSetError, match="no results folder to report on"):
        write_report([], tmp_path / "report.html")


def test_a_file_that_cannot_be_written_is_named(folder):
    with pytest.raises(OpenSetError, match=r"cannot write .*run: Is a directory"):
        write_report([folder], folder)


def test_the_command_writes_the_page(folder, tmp_path):
    output = tmp_path / "r.html"
    assert main(["report", str(folder), "-o", str(output)]) == 0
    assert output.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_command_says_what_is_missing(tmp_path, capsys):
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "r.html")]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no results at" in error
    assert not (tmp_path / "r.html").exists()
