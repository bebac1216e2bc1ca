from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame
from ldn_openset_ros.evaluation.measurement import (
    Decision,
    Measurement,
    MeasureSettings,
    frame_record,
)
from ldn_openset_ros.inference.predictor import Prediction
from ldn_openset_ros.metrics.ranking import exact_ranking
from ldn_openset_ros.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy("camvid")
SETTINGS = MeasureSettings(
    ("op", "msm"), TAXONOMY, Decision("op", 0.5), (0.0, 0.1, 1.0), replicates=20
)


def make_frame(number: int, **changes) -> JudgedFrame:
    """A frame of 24x32 with random scores, labels and truth."""
    rng = np.random.default_rng(number)
    log_odds = {name: rng.normal(0, 3, (24, 32)).astype(np.float32) for name in ("op", "msm")}
    labels = rng.integers(0, 11, (24, 32), dtype=np.uint8)
    called = log_odds["op"] >= 0
    truth = np.zeros((24, 32), np.uint8)
    truth[4:9, 4:10] = 1
    truth[-2:] = 255
    label_truth = np.where(rng.random((24, 32)) < 0.5, labels, 255).astype(np.uint8)
    frame = JudgedFrame(
        name=str(number),
        source="bag",
        prediction=Prediction(labels, None, np.where(called, np.uint8(11), labels)),
        log_odds=log_odds,
        size=(24, 32),
        called=called,
        outlier_truth=truth,
        label_truth=label_truth,
        stamp_ns=number,
    )
    return replace(frame, **changes)


def measured(numbers: range, settings: MeasureSettings = SETTINGS) -> Measurement:
    measurement = Measurement(settings)
    for number in numbers:
        measurement.add(make_frame(number))
    return measurement


def assert_equal(first: Measurement, second: Measurement) -> None:
    arrays, others = first.to_arrays(), second.to_arrays()
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert np.array_equal(array, others[name], equal_nan=True), name


def test_ranking_is_that_of_all_pixels_of_all_frames():
    measurement = measured(range(5))
    frames = [make_frame(number) for number in range(5)]
    for name, counted in measurement.scores.items():
        expected = exact_ranking(
            np.stack([frame.log_odds[name] for frame in frames]),
            np.stack([frame.outlier_truth for frame in frames]),
        )
        found = counted.ranking.measures()
        assert found.average_precision == pytest.approx(expected.average_precision, abs=5e-4)
        assert (found.positives, found.negatives) == (5 * 30, 5 * (22 * 32 - 30))


def test_merging_shards_in_any_order_gives_exactly_one_pass():
    whole = measured(range(40))
    last = measured(range(17, 40))
    last.merge(measured(range(3)))
    last.merge(measured(range(3, 17)))
    assert_equal(last, whole)
    assert last.totals == whole.totals


def test_a_saved_state_goes_on_to_exactly_the_same_end():
    state = measured(range(7)).to_arrays()
    resumed = Measurement.from_arrays(SETTINGS, state)
    for number in range(7, 12):
        resumed.add(make_frame(number))
    whole = measured(range(12))
    assert_equal(resumed, whole)
    assert resumed.totals == whole.totals


def test_a_record_counts_the_pixels_of_the_decision():
    frame = make_frame(3)
    truth = frame.outlier_truth
    record = frame_record(frame)
    assert record.outliers == 30
    assert record.inliers == 22 * 32 - 30
    assert record.missed == 30 - int(frame.called[4:9, 4:10].sum())
    assert record.false_alarms == int((frame.called & (truth == 0)).sum())
    assert record.outlier_share == frame.called.mean()
    assert (record.width, record.height) == (32, 24)


def test_what_is_not_known_is_none_in_the_record():
    blind = frame_record(make_frame(3, outlier_truth=None))
    assert (blind.outliers, blind.inliers, blind.missed, blind.false_alarms) == (None,) * 4
    assert blind.outlier_share is not None
    undecided = frame_record(make_frame(3, called=None))
    assert (undecided.outliers, undecided.missed, undecided.outlier_share) == (30, None, None)


def test_frames_without_truth_count_as_frames_alone():
    measurement = Measurement(SETTINGS)
    measurement.add(make_frame(1, outlier_truth=None, label_truth=None))
    totals = measurement.totals
    assert (totals.frames, totals.ranked_frames, totals.labelled_frames) == (1, 0, 0)
    assert totals.called == int(make_frame(1).called.sum())
    assert totals.pixels == totals.decided_pixels == 24 * 32


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"log_odds": {"op": np.full((24, 32), np.nan, np.float32)}}, "NaN"),
        (
            {"prediction": Prediction(None, np.full((24, 32), np.nan, np.float32), None)},
            "probability holds NaN",
        ),
        ({"outlier_truth": np.zeros((3, 4), np.uint8)}, "shape"),
        ({"label_truth": np.full((24, 32), 12, np.uint8)}, "id 12"),
    ],
)
def test_a_frame_that_cannot_be_measured_is_named_and_leaves_no_trace(changes, reason):
    measurement = measured(range(2))
    with pytest.raises(OpenSetError, match=f"bag, frame 9: .*{reason}"):
        measurement.add(make_frame(9, **changes))
    assert_equal(measurement, measured(range(2)))


def test_open_set_maps_count_inliers_called_outlier_as_misses():
    measurement = measured(range(3))
    assert measurement.closed_set.confusion.mean_iou() == 1.0
    assert measurement.open_set.confusion.mean_iou() < 1.0
    misses = measurement.open_set.confusion.counts[:, -1].sum()
    expected = sum(
        int((frame.called & (frame.label_truth != 255)).sum())
        for frame in map(make_frame, range(3))
    )
    assert misses == expected


def test_downsampling_ranks_every_nth_pixel_of_every_nth_row():
    counted = measured(range(2), replace(SETTINGS, downsample=4)).scores["op"]
    frames = [make_frame(number) for number in range(2)]
    expected = exact_ranking(
        np.stack([frame.log_odds["op"][::4, ::4] for frame in frames]),
        np.stack([frame.outlier_truth[::4, ::4] for frame in frames]),
    )
    assert counted.ranking.measures().positives == expected.positives
    assert counted.ranking.measures().auroc == pytest.approx(expected.auroc, abs=5e-4)


def test_per_image_measures_are_means_over_frames():
    counted = measured(range(3), replace(SETTINGS, per_image=True)).scores["op"]
    expected = [
        exact_ranking(frame.log_odds["op"], frame.outlier_truth).average_precision
        for frame in map(make_frame, range(3))
    ]
    found = counted.per_image.measures()
    assert found.images == 3
    assert found.average_precision == pytest.approx(np.mean(expected), abs=1e-3)


def test_other_settings_are_refused():
    with pytest.raises(OpenSetError, match="different settings"):
        measured(range(1)).merge(measured(range(1), replace(SETTINGS, per_image=True)))
