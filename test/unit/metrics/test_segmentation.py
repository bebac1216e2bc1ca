"""The confusion matrix and its measures on numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.metrics.segmentation import ConfusionMatrix, category_confusion

TRUTH = np.array([[0, 0, 0, 1], [1, 1, 255, 255]], np.uint8)
PREDICTION = np.array([[0, 0, 1, 1], [1, 0, 0, 2]], np.uint8)


def matrix(prediction, truth, num_classes=3) -> ConfusionMatrix:
    confusion = ConfusionMatrix(num_classes)
    confusion.add(np.asarray(prediction, np.uint8), np.asarray(truth, np.uint8))
    return confusion


def test_counts_and_measures_by_hand():
    confusion = matrix(PREDICTION, TRUTH)

    assert confusion.counts.tolist() == [[2, 1, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0]]
    # Class 2 is predicted under ignored truth alone: it occurs nowhere.
    np.testing.assert_allclose(confusion.iou(), [2 / 4, 2 / 4, np.nan])
    assert confusion.mean_iou() == pytest.approx(0.5)
    assert confusion.pixel_accuracy() == pytest.approx(4 / 6)


def test_a_class_that_is_only_predicted_lowers_the_mean():
    confusion = matrix([0, 0, 2, 1], [0, 0, 0, 1])

    np.testing.assert_allclose(confusion.iou(), [2 / 3, 1, 0])
    assert confusion.mean_iou() == pytest.approx(5 / 9)


def test_known_pixels_called_outlier_or_void_are_misses():
    confusion = matrix([3, 255, 0, 1], [0, 0, 0, 1])

    assert confusion.counts.tolist() == [[1, 0, 0, 2], [0, 1, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(confusion.iou(), [1 / 3, 1, np.nan])
    assert confusion.pixel_accuracy() == pytest.approx(0.5)


def test_many_classes_and_frames_against_a_plain_count():
    rng = np.random.default_rng(3)
    truth = rng.choice([0, 1, 5, 253, 255], (4, 30, 20)).astype(np.uint8)
    prediction = rng.choice([0, 2, 5, 253, 254, 255], (4, 30, 20)).astype(np.uint8)
    confusion = ConfusionMatrix(254)
    for frame in range(4):
        confusion.add(prediction[frame], truth[frame])

    hits = ((truth == 5) & (prediction == 5)).sum()
    union = ((truth == 5) | (prediction == 5) & (truth != 255)).sum()
    assert confusion.counts.sum() == (truth != 255).sum()
    assert confusion.counts[253, 253] == ((truth == 253) & (prediction == 253)).sum()
    assert confusion.counts[253, 254] == ((truth == 253) & (prediction >= 254)).sum()
    assert confusion.iou()[5] == pytest.approx(hits / union)


def test_merged_frames_equal_one_run():
    first, second = matrix(PREDICTION, TRUTH), matrix([1, 1], [1, 0])

    first.merge(second)

    assert first.counts.tolist() == [[2, 2, 0, 0], [1, 3, 0, 0], [0, 0, 0, 0]]
    with pytest.raises(OpenSetError, match="3 and 4 classes"):
        first.merge(ConfusionMatrix(4))


def test_without_counted_pixels_nothing_is_defined():
    for confusion in (ConfusionMatrix(3), matrix([0, 1], [255, 255])):
        assert np.isnan(confusion.iou()).all()
        assert math.isnan(confusion.mean_iou())
        assert math.isnan(confusion.pixel_accuracy())


def test_foreign_ids_are_refused_by_name():
    with pytest.raises(OpenSetError, match="truth holds the id 3"):
        matrix([0, 1], [0, 3])
    with pytest.raises(OpenSetError, match="prediction holds the id 4"):
        matrix([0, 4], [0, 1])


def test_maps_of_other_shape_or_type_are_refused():
    with pytest.raises(OpenSetError, match="same resolution"):
        matrix([[0, 1]], [0, 1])
    with pytest.raises(OpenSetError, match="prediction is a int64 map"):
        ConfusionMatrix(3).add(np.zeros(2, np.int64), np.zeros(2, np.uint8))


def test_arrays_bring_back_the_matrix(tmp_path):
    confusion = matrix(PREDICTION, TRUTH)
    np.savez(tmp_path / "state.npz", **confusion.to_arrays())
    read = ConfusionMatrix.from_arrays(np.load(tmp_path / "state.npz"))
    assert (read.num_classes, read.counts.dtype) == (3, np.int64)
    assert read.counts.tolist() == confusion.counts.tolist()
    read.merge(confusion)
    assert read.counts.sum() == 2 * confusion.counts.sum()


def test_merging_does_not_depend_on_the_order():
    rng = np.random.default_rng(0)
    frames = [matrix(rng.integers(0, 4, (9, 9)), rng.integers(0, 3, (9, 9))) for _ in range(5)]
    for order in ([0, 1, 2, 3, 4], [3, 0, 4, 1, 2]):
        merged = ConfusionMatrix(3)
        for number in order:
            merged.merge(frames[number])
        assert merged.counts.tolist() == sum(frame.counts for frame in frames).tolist()


def test_categories_forgive_a_class_of_the_same_category():
    """Classes 0 and 1 are category 0, class 2 is category 1; 4 called outlier stays a miss."""
    truth = [0, 0, 0, 1, 1, 2, 2, 2, 2, 255]
    prediction = [0, 1, 2, 1, 0, 2, 2, 0, 3, 0]
    categories = category_confusion(matrix(prediction, truth), [0, 0, 1])
    assert categories.counts.tolist() == [[4, 1, 0], [1, 2, 1]]
    np.testing.assert_allclose(categories.iou(), [4 / 6, 2 / 5])
    assert categories.mean_iou() == pytest.approx((4 / 6 + 2 / 5) / 2)


def test_classes_without_a_category_count_nowhere():
    truth = [0, 0, 1, 1, 2]
    prediction = [0, 1, 0, 1, 1]
    categories = category_confusion(matrix(prediction, truth), [0, None, 1])
    # True class 1 is left out; class 1 called on the others is no category: a miss.
    assert categories.counts.tolist() == [[1, 0, 1], [0, 0, 1]]


def test_categories_equal_maps_of_categories():
    rng = np.random.default_rng(5)
    truth = rng.choice([0, 1, 2, 3, 4, 255], (40, 40)).astype(np.uint8)
    prediction = rng.choice([0, 1, 2, 3, 4, 5, 255], (40, 40)).astype(np.uint8)
    table = np.full(256, 255, np.uint8)
    table[:5] = [0, 1, 1, 2, 0]
    merged = category_confusion(matrix(prediction, truth, 5), [0, 1, 1, 2, 0])
    direct = matrix(table[prediction], table[truth], 3)
    assert merged.counts.tolist() == direct.counts.tolist()


@pytest.mark.parametrize("categories", [[0, 1], [None, None, None]])
def test_categories_must_fit_the_classes(categories):
    with pytest.raises(OpenSetError, match="taxonomy of 3 classes: give its `category_ids`"):
        category_confusion(ConfusionMatrix(3), categories)
