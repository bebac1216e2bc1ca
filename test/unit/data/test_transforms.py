from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.data.transforms import (
    JitterSettings,
    PhotometrySettings,
    change_colours,
    change_photometry,
    compress,
    draw_shorter_side,
    flip,
    random_crop,
    resize_picture,
    resize_shorter_side,
    transfer_colours,
)
from ldn_openset_ros.errors import OpenSetError

STRONG = PhotometrySettings(0.5, 0.5, 0.5, 0.2, 0.5, 10, 2, 0.5)


def sample(height=40, width=60) -> Sample:
    labels = (np.arange(height)[:, None] // 4 + np.arange(width) // 6).astype(np.uint8)
    rgb = np.repeat(labels[..., None] * 8, 3, axis=2)
    return Sample("s", rgb, labels, (labels > 5).astype(np.uint8))


def test_truth_moves_with_the_picture():
    rng = np.random.default_rng(0)
    for _ in range(10):
        cropped = random_crop(sample(), (20, 30), rng)
        assert cropped.rgb.shape == (20, 30, 3)
        assert np.array_equal(cropped.rgb[..., 0], cropped.labels * 8)
        assert np.array_equal(cropped.outlier, cropped.labels > 5)
    mirrored = flip(sample())
    assert np.array_equal(mirrored.labels, sample().labels[:, ::-1])
    assert np.array_equal(mirrored.rgb[..., 0], mirrored.labels * 8)


def test_a_small_picture_is_padded_with_ignore():
    padded = random_crop(sample(10, 20), (16, 32), np.random.default_rng(0))
    assert (padded.labels[10:] == 255).all()
    assert (padded.outlier[:, 20:] == 255).all()
    assert (padded.rgb[10:] == 0).all()
    assert np.array_equal(padded.labels[:10, :20], sample(10, 20).labels)


def test_resizing_keeps_the_shape_and_the_ids():
    larger = resize_shorter_side(sample(), 80)
    assert larger.rgb.shape == (80, 120, 3)
    assert set(np.unique(larger.labels)) == set(np.unique(sample().labels))


def test_a_share_of_the_pictures_keeps_the_base_size():
    rng = np.random.default_rng(0)
    sides = np.array([draw_shorter_side(rng, JitterSettings(), 400) for _ in range(3000)])
    assert (sides == 512).mean() == pytest.approx(0.3, abs=0.03)
    assert sides.min() == 512
    assert 1500 < sides.max() <= 1536


def test_small_pictures_are_enlarged_so_far_and_no_farther():
    rng = np.random.default_rng(0)
    settings = JitterSettings(minimum=300, enlargement=2.0)
    sides = [draw_shorter_side(rng, settings, 250) for _ in range(200)]
    assert 300 <= min(sides) < 500
    assert max(sides) == 500
    with pytest.raises(OpenSetError, match=r"jitter\.enlargement is 0: give more than 0"):
        JitterSettings(enlargement=0)


def test_a_crop_can_be_laid_over_a_class_wherever_that_is():
    labels = np.zeros((40, 60), np.uint8)
    labels[0, 59], labels[39, 0], labels[20, 30] = 5, 5, 5
    spread = Sample("s", np.zeros((40, 60, 3), np.uint8), labels)
    crops = [
        random_crop(spread, (8, 16), np.random.default_rng(seed), class_id=5) for seed in range(60)
    ]
    assert all(crop.labels.shape == (8, 16) and (crop.labels == 5).any() for crop in crops)
    # Where in the crop it lies is drawn as well, but for the corners.
    assert len({tuple(np.argwhere(crop.labels == 5)[0]) for crop in crops}) > 12
    without = random_crop(spread, (8, 16), np.random.default_rng(0), class_id=7)
    assert np.array_equal(
        without.labels, random_crop(spread, (8, 16), np.random.default_rng(0)).labels
    )
    padded = random_crop(spread, (64, 64), np.random.default_rng(0), class_id=5)
    assert (padded.labels == 5).sum() == 3


def test_photometry_off_changes_nothing():
    rgb = sample().rgb
    assert np.array_equal(change_colours(rgb, PhotometrySettings(), np.random.default_rng(0)), rgb)


def test_photometry_repeats_by_seed_and_differs_otherwise():
    rgb = np.full((20, 30, 3), (40, 90, 160), np.uint8)
    first = change_colours(rgb, STRONG, np.random.default_rng(1))
    assert first.dtype == np.uint8
    assert np.array_equal(first, change_colours(rgb, STRONG, np.random.default_rng(1)))
    assert not np.array_equal(first, change_colours(rgb, STRONG, np.random.default_rng(2)))


def test_brightness_scales_every_pixel_alike():
    rgb = np.full((4, 4, 3), 100, np.uint8)
    settings = PhotometrySettings(brightness=0.5)
    values = [
        int(change_colours(rgb, settings, np.random.default_rng(seed))[0, 0, 0])
        for seed in range(50)
    ]
    assert 50 <= min(values) < 60
    assert 140 < max(values) <= 150


def test_a_picture_shrinks_by_area_and_grows_without_steps():
    columns = np.array([[0, 100, 200, 100]] * 2, np.uint8)
    assert resize_picture(columns, (1, 2)).tolist() == [[50, 150]]
    grown = resize_picture(np.array([[0.0, 1.0]], np.float32), (4, 8))
    assert len(np.unique(grown[0])) == 6
    assert (np.diff(grown[0]) >= 0).all()


def test_photometry_leaves_the_truth_alone():
    before = sample()
    after = change_photometry(before, STRONG, np.random.default_rng(0))
    assert not np.array_equal(after.rgb, before.rgb)
    assert after.labels is before.labels
    assert after.outlier is before.outlier


def edge() -> np.ndarray:
    """A vertical edge from grey 100 to 150."""
    picture = np.full((16, 16, 3), 100, np.uint8)
    picture[:, 8:] = 150
    return picture


def changed_pictures(settings: PhotometrySettings, picture: np.ndarray) -> list[np.ndarray]:
    """Return what 300 draws make of a picture, those alone that differ from it."""
    drawn = (change_colours(picture, settings, np.random.default_rng(seed)) for seed in range(300))
    return [found for found in drawn if not np.array_equal(found, picture)]


def test_sharpening_overshoots_at_edges_on_a_third_of_the_pictures():
    changed = changed_pictures(PhotometrySettings(sharpen=1.0), edge())
    assert 70 < len(changed) < 130
    for found in changed:
        assert (found[:, :4] == 100).all()
        assert (found[:, 12:] == 150).all()
        assert 75 <= found[8, 7, 0] <= 100
        assert 150 <= found[8, 8, 0] <= 175
    # At weight 1 an unsharp mask of sigma 1 adds 0.31 of the step: Phi(-0.5) of a sampled edge.
    assert max(int(found[8, 8, 0]) for found in changed) == pytest.approx(150 + 0.31 * 50, abs=2)


def noise_picture() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (32, 48, 3)).astype(np.uint8)


def test_compression_changes_a_third_of_the_pictures_by_its_strength():
    picture = noise_picture()
    losses = {}
    for strength in (10, 95):
        changed = changed_pictures(PhotometrySettings(compression=strength), picture)
        assert 70 < len(changed) < 130
        losses[strength] = max(np.abs(found - picture.astype(float)).mean() for found in changed)
    assert losses[10] < losses[95]


def test_compression_loses_more_at_a_lower_quality():
    picture = noise_picture()
    losses = [np.abs(compress(picture, q) - picture.astype(float)).mean() for q in (100, 50, 5)]
    assert losses == sorted(losses)
    assert losses[0] < losses[1] < losses[2]
    assert compress(picture, 50).shape == picture.shape


def test_compression_is_that_of_a_jpeg_of_this_picture():
    picture = noise_picture()
    encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    expected = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(compress(picture, 30), expected)
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    assert np.abs(compress(red, 90) - red.astype(int)).max() < 4


def lab_statistics(rgb: np.ndarray) -> np.ndarray:
    """Return mean and standard deviation of L*, a* and b*."""
    mean, std = cv2.meanStdDev(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB))
    return np.stack([mean.ravel(), std.ravel()])


def coloured(mean: tuple, std: float, size: tuple = (40, 50)) -> np.ndarray:
    values = np.random.default_rng(2).normal(mean, std, (*size, 3))
    return np.clip(values, 0, 255).astype(np.uint8)


def test_colour_transfer_reaches_the_references_statistics_at_full_strength():
    rgb, reference = coloured((150, 110, 90), 12), coloured((100, 130, 120), 18, (30, 20))
    moved = transfer_colours(rgb, reference, 1.0)
    assert np.allclose(lab_statistics(moved), lab_statistics(reference), atol=0.5)
    half = lab_statistics(transfer_colours(rgb, reference, 0.5))
    between = (lab_statistics(rgb) + lab_statistics(reference)) / 2
    assert np.allclose(half, between, atol=0.5)


def test_colour_transfer_changes_nothing_at_strength_0():
    rgb = noise_picture()
    found = transfer_colours(rgb, coloured((20, 200, 40), 5), 0.0)
    assert np.abs(found.astype(int) - rgb).max() <= 1


def test_colour_transfer_limits_the_gain():
    flat, rich = coloured((120, 120, 120), 4), coloured((120, 120, 120), 40)
    stretched = lab_statistics(transfer_colours(flat, rich, 1.0))[1]
    assert np.allclose(stretched, 2.5 * lab_statistics(flat)[1], rtol=0.1)
    flattened = lab_statistics(transfer_colours(rich, flat, 1.0))[1]
    assert np.allclose(flattened, 0.4 * lab_statistics(rich)[1], rtol=0.1)
    uniform = np.full((8, 8, 3), 90, np.uint8)
    assert np.ptp(transfer_colours(uniform, rich, 1.0), axis=(0, 1)).max() == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"brightness": 1.5}, "brightness is 1.5: give 0 .off. or more, at most 1"),
        ({"noise": -1.0}, "noise is -1.0: give 0"),
        ({"compression": 96}, "compression is 96: give 0 .off. or more, at most 95"),
        ({"gamma": float("nan")}, "gamma is nan"),
    ],
)
def test_impossible_photometry_is_refused(change, reason):
    with pytest.raises(OpenSetError, match=reason):
        PhotometrySettings(**change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"minimum": 600, "maximum": 500}, "minimum <= maximum"),
        ({"base": 0}, "give pixels"),
        ({"base_probability": 1.1}, "base_probability is 1.1: give a value from 0 to 1"),
    ],
)
def test_impossible_jitter_is_refused(change, reason):
    with pytest.raises(OpenSetError, match=reason):
        JitterSettings(**change)
