"""iIoU by hand and against a slow reading of Cityscapes' rule."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.instance_iou import InstanceIou

SIZES = (None, 20.0, 6.0)
"""Class 0 is stuff, 1 and 2 have instances."""


def measured(prediction, truth, instances, sizes=SIZES) -> InstanceIou:
    measure = InstanceIou(sizes)
    measure.add(
        np.asarray(prediction, np.uint8), np.asarray(truth, np.uint8), np.asarray(instances, "i4")
    )
    return measure


def test_instances_weigh_alike_by_hand():
    """Of class 1, an instance of 8 pixels is found whole, one of 2 by half; 3 false positives."""
    truth = [[1] * 8, [1, 1, 0, 0, 0, 0, 0, 0]]
    instances = [[5] * 8, [7, 7, 0, 0, 0, 0, 0, 0]]
    prediction = [[1] * 8, [1, 0, 1, 1, 1, 0, 0, 0]]
    measure = measured(prediction, truth, instances)
    # Weighted hits 20 and 10 of 20 and 20; IoU itself would be 9 / (10 + 3).
    np.testing.assert_allclose(measure.iou(), [np.nan, 30 / 43, np.nan])
    assert measure.mean_iou() == pytest.approx(30 / 43)


def test_pixels_of_no_single_instance_are_neither_hit_nor_missed():
    truth, instances = [1, 1, 1, 1, 0], [9, 9, 0, 0, 0]
    for of_the_group in ([1, 1], [0, 0]):
        measure = measured([1, 1, *of_the_group, 0], truth, instances)
        assert measure.iou()[1] == 1


def test_void_false_positives_do_not_count_and_no_class_is_a_miss():
    truth, instances = [1, 1, 1, 1, 255, 0], [3, 3, 3, 3, 3, 0]
    measure = measured([1, 1, 3, 255, 1, 1], truth, instances)
    assert measure.iou()[1] == pytest.approx(10 / (20 + 1))


def test_a_number_may_be_used_by_two_classes():
    measure = measured([1, 1, 2, 0], [1, 1, 2, 2], [4, 4, 4, 4])
    assert measure.to_arrays()["instances"].tolist() == [0, 1, 1]
    np.testing.assert_allclose(measure.iou()[1:], [1, 3 / 6])


def test_false_positives_alone_are_zero_and_absent_classes_undefined():
    measure = measured([1, 0, 0], [0, 0, 0], [0, 0, 0])
    np.testing.assert_array_equal(measure.iou(), [np.nan, 0, np.nan])
    nothing = InstanceIou(SIZES)
    assert np.isnan(nothing.iou()).all()
    assert math.isnan(nothing.mean_iou())


def test_categories_by_hand():
    """Classes 1 and 2 in one category: taken for each other they are hits, weighted by class."""
    truth = [1, 1, 1, 1, 2, 2, 2, 0, 0]
    instances = [1, 1, 1, 1, 2, 2, 2, 0, 0]
    prediction = [1, 2, 2, 0, 1, 1, 0, 2, 0]
    measure = measured(prediction, truth, instances)
    # 3/4 of weight 20 and 2/3 of weight 6 are found; one pixel of class 0 is called 2.
    found = measure.category_iou([0, 1, 1])
    np.testing.assert_allclose(found, [np.nan, (15 + 4) / (26 + 1)])
    assert measure.category_mean_iou([0, 1, 1]) == pytest.approx(19 / 27)
    # A category with a class without instances has none.
    assert math.isnan(measure.category_mean_iou([0, 0, 0]))


def by_definition(frames, sizes, categories):
    """Return iIoU of classes and categories, instance by instance and class by class."""
    known = np.concatenate([truth[truth != 255] for _, truth, _ in frames])
    called = np.concatenate([prediction[truth != 255] for prediction, truth, _ in frames])
    groups = {("class", c): [c] for c in range(len(sizes))}
    groups |= {
        ("category", k): [c for c, category in enumerate(categories) if category == k]
        for k in range(max(categories) + 1)
    }
    scores = {}
    for name, members in groups.items():
        if any(sizes[c] is None for c in members):
            scores[name] = math.nan
            continue
        hits = misses = 0.0
        for prediction, truth, instances in frames:
            for number in np.unique(instances[instances != 0]):
                mask = instances == number
                own = int(truth[mask][0])
                if own not in members:
                    continue
                weight = sizes[own] / mask.sum()
                right = np.isin(prediction[mask], members).sum()
                hits += weight * right
                misses += weight * (mask.sum() - right)
        alarms = (np.isin(called, members) & ~np.isin(known, members)).sum()
        scores[name] = hits / (hits + misses + alarms) if hits + misses + alarms else math.nan
    return scores


def scenes(count: int):
    """Return frames of rectangles of classes 2 to 4, some a group, one class called wrongly."""
    rng = np.random.default_rng(6)
    frames = []
    for _ in range(count):
        truth = rng.choice([0, 1], (40, 60)).astype(np.uint8)
        instances = np.zeros(truth.shape, np.int32)
        for number in range(1, 9):
            top, left = rng.integers(0, 30), rng.integers(0, 50)
            window = np.s_[top : top + rng.integers(2, 10), left : left + rng.integers(2, 10)]
            truth[window] = rng.choice([2, 3, 4])
            instances[window] = number * (number % 4 > 0)
        truth[rng.random(truth.shape) < 0.05] = 255
        instances[truth == 255] = 0
        prediction = np.where(truth == 255, 0, truth)
        wrong = rng.random(truth.shape) < 0.3
        prediction[wrong] = rng.choice([0, 1, 2, 3, 4, 5, 255], wrong.sum())
        frames.append((prediction.astype(np.uint8), truth, instances))
    return frames


SCENE_SIZES = (None, None, 35.5, 120.25, 7.125)
CATEGORIES = (0, 1, 2, 3, 3)


def total(frames) -> InstanceIou:
    measure = InstanceIou(SCENE_SIZES)
    for frame in frames:
        measure.add(*frame)
    return measure


def test_random_scenes_against_the_definition():
    frames = scenes(6)
    measure = total(frames)
    expected = by_definition(frames, SCENE_SIZES, CATEGORIES)
    np.testing.assert_allclose(
        measure.iou(), [expected["class", c] for c in range(5)], rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(
        measure.category_iou(CATEGORIES),
        [expected["category", k] for k in range(4)],
        rtol=0,
        atol=1e-9,
    )
    assert 0.2 < measure.mean_iou() < 0.8


def test_merged_frames_in_any_order_equal_one_pass_and_arrays_bring_them_back(tmp_path):
    frames = scenes(8)
    whole = total(frames)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(8)
        first, second = (total([frames[n] for n in part]) for part in np.split(order, [3]))
        first.merge(second)
        for name, array in first.to_arrays().items():
            np.testing.assert_array_equal(array, whole.to_arrays()[name])
        np.testing.assert_array_equal(first.iou(), whole.iou())

    np.savez(tmp_path / "state.npz", **whole.to_arrays())
    read = InstanceIou.from_arrays(np.load(tmp_path / "state.npz"))
    np.testing.assert_array_equal(read.iou(), whole.iou())
    np.testing.assert_array_equal(read.category_iou(CATEGORIES), whole.category_iou(CATEGORIES))


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(OpenSetError, match=r"instances of shape \(1,\) and truth of shape \(2,\)"):
        measured([0, 1], [0, 1], [0])
    with pytest.raises(OpenSetError, match="other average sizes cannot be merged"):
        InstanceIou(SIZES).merge(InstanceIou((None, 20.0, 7.0)))
    with pytest.raises(OpenSetError, match="give its `category_ids`"):
        InstanceIou(SIZES).category_iou([0, 1])
