"""What each section says, and what it says where a run has nothing for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ldn_openset_ros.evaluation.frame_record import FrameRecord
from ldn_openset_ros.evaluation.summary import ComponentSummary
from ldn_openset_ros.report.curve_sections import curves_section
from ldn_openset_ros.report.figures import UNDEFINED
from ldn_openset_ros.report.input_sections import frames_section
from ldn_openset_ros.report.latency_section import latency_section
from ldn_openset_ros.report.ranking_sections import decision_section, ranking_section
from ldn_openset_ros.report.results import Run
from ldn_openset_ros.report.sections import all_sections
from ldn_openset_ros.report.segmentation_section import segmentation_section
from ldn_openset_ros.report.time_section import shares_over_time, time_section


def frame(source: str, stamp_ns: int | None, share: float | None) -> FrameRecord:
    return FrameRecord("f", source, stamp_ns, 4, 3, share, None, None, None, None)


@pytest.fixture
def bare(run: Run) -> Run:
    """A run without truth and decision, and without times."""
    summary = replace(
        run.summary,
        ranked_frames=0,
        segmentation=None,
        scores={},
        decision=None,
        missed_outliers=(),
        false_alarms=(),
        most_outliers=(),
        faults={},
    )
    frames = tuple(replace(record, outlier_share=None) for record in run.frames)
    timing = replace(run.timing, stages={})
    return replace(run, label="bare", summary=summary, frames=frames, timing=timing)


def test_time_starts_with_each_source_s_first_stamp():
    second = 1_000_000_000
    frames = [frame("b", 9 * second, 0.3), frame("a", 5 * second, 0.2), frame("a", second, 0.1)]
    shares, with_stamps = shares_over_time([*frames, frame("a", second, None)])
    assert with_stamps
    assert list(shares) == ["b", "a"]
    assert shares["a"].x.tolist() == [0.0, 4.0]
    assert shares["a"].y.tolist() == [0.1, 0.2]
    assert shares["b"].x.tolist() == [0.0]


def test_several_sources_have_a_legend_and_one_has_none(run):
    frames = [replace(record, source=f"bag{n % 2}") for n, record in enumerate(run.frames)]
    (chart,) = time_section([replace(run, frames=tuple(frames))]).charts
    assert [entry.name for entry in chart.legend] == ["bag0", "bag1"]
    (chart,) = time_section([run]).charts
    assert chart.legend == ()


def test_frames_without_stamps_are_numbered():
    shares, with_stamps = shares_over_time([frame("d", None, 0.2), frame("d", 5, 0.1)])
    assert not with_stamps
    assert shares["d"].x.tolist() == [1, 2]


def test_nothing_empty_is_drawn_and_every_gap_has_a_sentence(bare):
    for section in all_sections([bare]):
        assert section.charts == ()
        assert section.tables == ()
        assert section.legend == ()
        if section.anchor != "frames":
            assert section.remarks
            assert all(remark.endswith(".") for remark in section.remarks)
    galleries = frames_section([bare]).galleries
    assert [gallery.remark for gallery in galleries] == ["No frame has pixels called outlier."]


def test_without_truth_the_frames_with_most_outliers_are_shown(run):
    blind = replace(run, summary=replace(run.summary, ranked_frames=0))
    (gallery,) = frames_section([blind]).galleries
    assert gallery.title == "Most outliers"
    assert [picture.frame for picture in gallery.pictures] == [
        worst.frame for worst in run.summary.most_outliers
    ]


def test_a_run_that_lacks_what_another_has_is_named(run, bare):
    section = segmentation_section([run, bare])
    assert section.remarks == (
        "bare: no frame has truth of classes, or no labels were given, so there is no mIoU.",
    )
    assert len(section.tables[0].groups) == 1
    other = replace(bare, summary=replace(bare.summary, class_mismatch="no mIoU (why)"))
    assert segmentation_section([run, other]).remarks == ("bare: no mIoU (why).",)


def test_a_decision_without_truth_keeps_its_share(run):
    decision = replace(
        run.summary.decision,
        outlier_share=0.0333,
        true_positive_rate=None,
        false_positive_rate=None,
        calibration=None,
    )
    found = replace(run, summary=replace(run.summary, decision=decision, scores={}))
    section = decision_section([found])
    assert section.remarks == ("Without outlier truth the decision has no rates.",)
    (row,) = section.tables[0].rows()
    dash = UNDEFINED
    assert [cell.text for cell in row.cells] == ["0.02", dash, dash, "3.33", dash]


def test_components_have_a_table_of_their_own(run):
    score = run.summary.scores["msm"]
    components = ComponentSummary("obstacle", 0.25, 17, 23, 0.412, 0.376, 0.2893)
    scores = {"msm": replace(score, components=components)}
    section = ranking_section([replace(run, summary=replace(run.summary, scores=scores))])
    (row,) = section.tables[2].rows()
    assert [cell.text for cell in row.cells] == [
        "obstacle",
        "0.25",
        "41.20",
        "37.60",
        "28.93",
        "17",
        "23",
    ]


def test_a_live_run_says_what_was_lost(run):
    live = replace(run, timing=replace(run.timing, sent=200, received=197))
    (row,) = latency_section([live]).tables[1].rows()
    assert [cell.text for cell in row.cells] == ["200", "197", "1.50"]
    assert len(latency_section([run]).tables) == 1


def test_reliability_has_the_colour_of_the_score_it_is_of(run):
    scores = dict(reversed(run.summary.scores.items()))
    turned = replace(run, summary=replace(run.summary, scores=scores))
    charts = curves_section([turned]).charts
    assert list(scores).index(run.summary.decision.score) == 2
    assert "var(--series-3)" in charts[2].svg
    assert "var(--series-1)" not in charts[2].svg
