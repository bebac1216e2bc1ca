from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ldn_openset_ros.benchmark.timings import Timing
from ldn_openset_ros.ros.demo.summary import Recording, summarise
from ldn_openset_ros.ros.demo.tally import Tally


def report(**milliseconds):
    return {
        "device": "cpu",
        "precision": "float32",
        **{f"latency_{name}_ms": str(value) for name, value in milliseconds.items()},
    }


RECORDING = Recording(
    frames_in=300,
    processed=201,
    unmatched=1,
    seconds=25.0,
    end_to_end=[0.1, 0.2, 0.3, 0.4, 0.5],
    diagnostics=[
        report(network_p50="nan", network_p95="nan"),
        report(network_p50="80.0", network_p95="90.0", total_p50="100", total_p95="130"),
        report(network_p50="84.0", network_p95="99.0", total_p50="110", total_p95="140"),
        report(network_p50="100.0", network_p95="140.0", total_p50="111", total_p95="150"),
    ],
    legend={"model": "m", "fusion": "op", "threshold": 0.5, "resolution": 0, "classes": []},
    faults={},
)


@pytest.fixture
def tally(taxonomy, make_frame):
    result = Tally(taxonomy, 0.5, 0.5)
    outlier = make_frame().outlier
    truth = (outlier > 0.75).astype(np.uint8)
    result.add(make_frame(outlier_truth=truth, labels_truth=make_frame().labels))
    return result


def test_counts_and_rate(tally):
    summary = summarise("camera", RECORDING, tally)
    assert summary.valid
    assert summary.problems == ()
    assert (summary.frames_in, summary.processed, summary.dropped) == (300, 201, 99)
    assert summary.rate_hz == 8.0  # 200 periods in 25 s
    assert summary.node == {
        "model": "m",
        "fusion": "op",
        "threshold": 0.5,
        "resolution": 0,
        "device": "cpu",
        "precision": "float32",
    }


def test_latencies_by_stage_and_end_to_end(tally):
    summary = summarise("camera", RECORDING, tally)
    assert summary.latency_ms["network"] == Timing(84.0, 99.0)
    assert summary.latency_ms["total"] == Timing(110.0, 140.0)
    assert summary.latency_ms["end_to_end"] == Timing(300.0, 480.0)
    assert summary.latency_ms["decode"] is None
    assert "diagnostics" in summary.missing["latency_ms.decode"]
    stampless = summarise("camera", replace(RECORDING, end_to_end=[]), tally)
    assert stampless.latency_ms["end_to_end"] is None
    assert "clock" in stampless.missing["latency_ms.end_to_end"]


def test_measures_are_fractions(tally):
    summary = summarise("camera", RECORDING, tally)
    assert summary.average_precision == 1.0
    assert summary.auroc == 1.0
    assert summary.fpr95 == 0.0
    assert summary.mean_iou == 1.0
    assert 0 < summary.open_set_mean_iou < 1
    assert "32x24" in summary.protocol
    assert "1 of 201 processed frames measured, 1 with outlier truth" in summary.protocol


def test_what_cannot_be_had_is_none_with_a_reason(taxonomy, make_frame):
    tally = Tally(taxonomy, 0.5, 0.5)
    tally.add(make_frame(outlier_truth=np.zeros((24, 32), np.uint8)))
    summary = summarise("camera", RECORDING, tally)
    assert summary.valid
    assert summary.average_precision is summary.auroc is summary.fpr95 is None
    assert summary.missing["auroc"] == "the truth lacks outlier or inlier pixels"
    assert summary.missing["mean_iou"] == "no truth of labels"
    # JSON has no NaN.
    text = json.dumps(summary.to_dict(), allow_nan=False)
    assert json.loads(text)["latency_ms"]["network"] == {"p50_ms": 84.0, "p95_ms": 99.0}


def test_one_frame_has_no_rate(tally):
    summary = summarise("camera", replace(RECORDING, processed=1, seconds=0.0), tally)
    assert summary.rate_hz is None
    assert "rate_hz" in summary.missing


def test_every_problem_makes_the_summary_invalid(taxonomy, make_frame, tally):
    empty = Tally(taxonomy, 0.5, 0.5)
    assert summarise("camera", RECORDING, empty).problems == ("no frame could be measured",)
    silent = replace(RECORDING, diagnostics=[])
    assert summarise("camera", silent, tally).problems == ("no diagnostics came",)
    stopped = replace(RECORDING, interrupted=True)
    assert summarise("camera", stopped, tally).problems == ("interrupted after 25.0 s",)
    wrong = replace(RECORDING, faults={"bad header": 4})
    summary = summarise("camera", wrong, tally)
    assert summary.problems == ("bad header (4 frames)",)
    assert not summary.valid
