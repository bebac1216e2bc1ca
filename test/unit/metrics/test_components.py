"""SegmentMeIfYouCan's components by hand and against a slow reading of their definition."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.components import THRESHOLDS, TRACKS, ComponentMeasures, Track


def canvas() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((60, 80), bool), np.zeros((60, 80), np.uint8)


def measured(called: np.ndarray, outlier: np.ndarray, track: str = "obstacle"):
    measures = ComponentMeasures(track)
    measures.add(called, outlier)
    return measures.measures()


def test_tracks_have_the_published_sizes():
    assert TRACKS["anomaly"] == Track(predicted=500, true=100)
    assert TRACKS["obstacle"] == Track(predicted=50, true=10)
    assert THRESHOLDS == (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75)


def test_a_shifted_prediction_by_hand():
    """10x10 against 10x10, half of each on the other: sIoU 50 / 150, PPV 1/2."""
    called, outlier = canvas()
    outlier[10:20, 10:20] = 1
    called[10:20, 15:25] = True
    scores = measured(called, outlier)
    assert (scores.true_components, scores.predicted_components) == (1, 1)
    assert scores.mean_siou == pytest.approx(1 / 3)
    assert scores.mean_ppv == 0.5
    # Found up to 0.3; the prediction is a false alarm above 0.5: F1 2/2, 0/(1 miss), 0/(1 + 1).
    assert [scores.f1[t] for t in (0.25, 0.3, 0.35, 0.5, 0.55)] == [1, 1, 0, 0, 0]
    assert scores.mean_f1 == pytest.approx(2 / 11)


def test_a_threshold_is_reached_by_its_own_value():
    """6 of 20 pixels found and nothing else called: 0.3 exactly, whatever floats make of it."""
    called, outlier = canvas()
    outlier[10:20, 10:30] = 1
    called[10:20, 10:16] = True
    f1 = measured(called, outlier).f1
    assert (f1[0.3], f1[0.35]) == (1, 0)


def test_one_prediction_over_two_outliers_is_charged_for_neither_other():
    """Two 10x10 outliers, 5 columns apart, under one 10x25 prediction: sIoU 100 / 150 each."""
    called, outlier = canvas()
    outlier[10:20, 10:20] = outlier[10:20, 25:35] = 1
    called[10:20, 10:35] = True
    scores = measured(called, outlier)
    assert (scores.true_components, scores.predicted_components) == (2, 1)
    assert scores.mean_siou == pytest.approx(100 / 150)
    assert scores.mean_ppv == pytest.approx(200 / 250)
    assert (scores.f1[0.65], scores.f1[0.7], scores.f1[0.75]) == (1, 0, 0)


def test_several_predictions_on_one_outlier_count_together():
    called, outlier = canvas()
    outlier[10:30, 10:30] = 1
    called[10:30, 10:18] = called[10:30, 20:30] = True
    scores = measured(called, outlier)
    assert (scores.true_components, scores.predicted_components) == (1, 2)
    assert scores.mean_siou == pytest.approx(18 / 20)
    assert scores.mean_ppv == 1
    assert scores.mean_f1 == 1


def test_pixels_that_touch_by_a_corner_are_one_component():
    called, outlier = canvas()
    outlier[10:20, 10:20] = outlier[20:30, 20:30] = 1
    called[:] = outlier == 1
    scores = measured(called, outlier)
    assert (scores.true_components, scores.predicted_components, scores.mean_f1) == (1, 1, 1)


def test_a_false_alarm_and_a_missed_outlier():
    called, outlier = canvas()
    outlier[10:20, 10:20] = 1
    called[40:50, 40:50] = True
    scores = measured(called, outlier)
    assert (scores.mean_siou, scores.mean_ppv, scores.mean_f1) == (0, 0, 0)


@pytest.mark.parametrize(("height", "predicted"), [(9, 0), (10, 1)])
def test_predictions_below_the_smallest_size_are_dropped(height, predicted):
    called, outlier = canvas()
    called[:height, :5] = True
    assert measured(called, outlier).predicted_components == predicted


@pytest.mark.parametrize(("width", "true"), [(9, 0), (10, 1)])
def test_outliers_below_the_smallest_size_are_ignored(width, true):
    called, outlier = canvas()
    outlier[10, 10 : 10 + width] = 1
    assert measured(called, outlier).true_components == true


def test_predictions_on_ignored_small_outliers_are_not_counted():
    """10x10 called, of which a small outlier of 8 pixels is ignored and 46 are on a real one."""
    called, outlier = canvas()
    outlier[10, 10:18] = 1
    outlier[15:20, 10:20] = 1
    called[10:20, 10:20] = True
    scores = measured(called, outlier)
    assert (scores.true_components, scores.predicted_components) == (1, 1)
    assert scores.mean_ppv == pytest.approx(50 / 92)
    assert scores.mean_siou == pytest.approx(50 / 92)


def test_a_prediction_wholly_on_ignored_small_outliers_counts_nowhere():
    called, outlier = canvas()
    outlier[10:19, 10:19] = 1
    called[10:19, 10:19] = True
    measures = ComponentMeasures("anomaly")
    measures.add(called, outlier)  # 81 pixels: below 100 true and below 500 predicted ones
    outlier[:] = 0
    outlier[::2, ::2] = 1  # pixels apart from each other, each an outlier too small to count
    called = outlier == 1
    called[:] = cv2.dilate(called.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    measures.add(called, outlier)
    scores = measures.measures()
    assert (scores.true_components, scores.predicted_components) == (0, 1)
    assert scores.mean_ppv == 0


def test_ignored_pixels_cut_predictions():
    """A 5x25 prediction crosses 5 ignored columns: two parts of 50 pixels are left."""
    called, outlier = canvas()
    called[10:15, 10:35] = True
    outlier[10:15, 20:25] = 255
    assert measured(called, outlier).predicted_components == 2
    outlier[10:15, 25] = 255
    assert measured(called, outlier).predicted_components == 1


def test_without_components_nothing_is_defined():
    called, outlier = canvas()
    for truth in (outlier, np.full_like(outlier, 255)):
        scores = measured(called, truth)
        assert (scores.true_components, scores.predicted_components) == (0, 0)
        assert math.isnan(scores.mean_siou)
        assert math.isnan(scores.mean_ppv)
        assert math.isnan(scores.mean_f1)
        assert all(math.isnan(value) for value in scores.f1.values())


def flood(pixels: set[tuple[int, int]]) -> list[set[tuple[int, int]]]:
    """Return 8-connected parts of a set of pixels."""
    pixels, parts = set(pixels), []
    while pixels:
        part, border = set(), [pixels.pop()]
        while border:
            row, column = border.pop()
            part.add((row, column))
            for near in [(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]:
                if near in pixels:
                    pixels.remove(near)
                    border.append(near)
        parts.append(part)
    return parts


def by_definition(called, outlier, track: Track) -> tuple[list[float], list[float]]:
    """Return sIoU of every true and PPV of every predicted component, by sets of pixels."""

    def where(mask) -> set[tuple[int, int]]:
        return set(zip(*(axis.tolist() for axis in np.nonzero(mask)), strict=True))

    all_true = flood(where(outlier == 1))
    true = [part for part in all_true if len(part) >= track.true]
    small = set().union(*[part for part in all_true if len(part) < track.true])
    predicted = flood(where(called) - where(outlier == 255))
    predicted = [part - small for part in predicted if len(part) >= track.predicted]
    predicted = [part for part in predicted if part]
    siou, ppv = [], []
    for part in true:
        touching = set().union(*[other for other in predicted if other & part])
        others = set().union(*[other for other in true if other is not part])
        siou.append(len(part & touching) / len((part | touching) - (others & touching)))
    anything = set().union(*true)
    for part in predicted:
        ppv.append(len(part & anything) / len(part))
    return siou, ppv


@pytest.mark.parametrize("track", TRACKS)
@pytest.mark.parametrize("seed", range(6))
def test_random_blobs_against_the_definition(track, seed):
    rng = np.random.default_rng(seed)
    measures = ComponentMeasures(track)
    all_siou, all_ppv = [], []
    for _ in range(3):
        noise = rng.normal(size=(3, 160, 200)).astype(np.float32)
        blobs = np.stack([cv2.GaussianBlur(layer, (0, 0), 6) for layer in noise])
        blobs /= blobs.std((1, 2), keepdims=True)
        outlier = (blobs[0] > 0.8).astype(np.uint8)
        outlier[rng.random(outlier.shape) < 0.002] = 1  # specks, too small to count
        outlier[blobs[1] > 1.3] = 255
        called = blobs[0] + 0.7 * blobs[2] > 0.7
        measures.add(called, outlier)
        siou, ppv = by_definition(called, outlier, TRACKS[track])
        all_siou += siou
        all_ppv += ppv
    scores = measures.measures()
    assert scores.true_components == len(all_siou) > 5
    assert scores.predicted_components == len(all_ppv) > 3
    assert scores.mean_siou == pytest.approx(np.mean(all_siou), abs=1e-9)
    assert scores.mean_ppv == pytest.approx(np.mean(all_ppv), abs=1e-9)
    for threshold, f1 in scores.f1.items():
        found = sum(value >= threshold - 1e-12 for value in all_siou)
        alarms = sum(value < threshold - 1e-12 for value in all_ppv)
        assert f1 == pytest.approx(2 * found / (found + len(all_siou) + alarms))
    assert scores.mean_f1 == pytest.approx(np.mean(list(scores.f1.values())))


def test_merged_frames_in_any_order_equal_one_pass_and_arrays_bring_them_back(tmp_path):
    rng = np.random.default_rng(4)
    frames = []
    for _ in range(5):
        blobs = cv2.GaussianBlur(rng.normal(size=(60, 80, 2)).astype(np.float32), (0, 0), 3)
        frames.append((blobs.sum(2) > 0.08, (blobs[..., 0] > 0.08).astype(np.uint8)))
    whole = ComponentMeasures("obstacle")
    for frame in frames:
        whole.add(*frame)
    assert 0 < whole.measures().mean_siou < 1
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1]):
        merged = ComponentMeasures("obstacle")
        for number in order:
            part = ComponentMeasures("obstacle")
            part.add(*frames[number])
            merged.merge(part)
        assert merged.measures() == whole.measures()

    np.savez(tmp_path / "state.npz", **whole.to_arrays())
    read = ComponentMeasures.from_arrays(np.load(tmp_path / "state.npz"))
    assert read.track == "obstacle"
    assert read.measures() == whole.measures()


def test_foreign_tracks_and_shapes_are_refused():
    with pytest.raises(OpenSetError, match="no track 'moon': choose anomaly, obstacle"):
        ComponentMeasures("moon")
    with pytest.raises(OpenSetError, match="tracks anomaly and obstacle cannot be merged"):
        ComponentMeasures("anomaly").merge(ComponentMeasures("obstacle"))
    called, outlier = canvas()
    with pytest.raises(OpenSetError, match="do not belong together"):
        ComponentMeasures("anomaly").add(called[1:], outlier)
