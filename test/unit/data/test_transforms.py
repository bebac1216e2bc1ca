from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.data.transforms import (
    JitterSettings,
    PhotometrySettings,
    change_colours,
    draw_shorter_side,
    flip,
    random_crop,
    resize_shorter_side,
)

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
    sides = np.array([draw_shorter_side(rng, JitterSettings()) for _ in range(3000)])
    assert (sides == 512).mean() == pytest.approx(0.3, abs=0.03)
    assert sides.min() == 512
    assert 1500 < sides.max() <= 1536


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
