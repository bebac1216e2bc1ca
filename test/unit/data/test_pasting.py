from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.data.pasting import (
    ShareSettings,
    draw_share,
    feather,
    inlier_truth,
    paste,
    paste_region,
    paste_size,
    shape_opacity,
)
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError


def scene() -> Sample:
    labels = np.zeros((20, 30), np.uint8)
    labels[0] = 255
    return Sample("road", np.full((20, 30, 3), 50, np.uint8), labels)


def test_size_has_the_wanted_share_and_the_objects_shape():
    height, width = paste_size((100, 200), (1000, 2000), 0.05)
    assert height * width / (1000 * 2000) == pytest.approx(0.05, rel=0.01)
    assert width / height == pytest.approx(2, rel=0.01)


def test_size_shrinks_where_the_object_would_not_fit():
    assert paste_size((400, 20), (100, 200), 0.1) == (100, 5)


def test_size_never_vanishes():
    assert paste_size((100, 1000), (40, 40), 0.0001) == (3, 3)


def test_paste_replaces_exactly_the_window():
    before = scene()
    patch = np.full((4, 6, 3), 200, np.uint8)
    after = paste(before, patch, np.ones((4, 6), np.float32), top=10, left=5, name="pasted")
    inside = np.zeros((20, 30), bool)
    inside[10:14, 5:11] = True
    assert (after.rgb[inside] == 200).all()
    assert (after.rgb[~inside] == 50).all()
    assert (after.outlier[inside] == 1).all()
    assert (after.outlier[0] == 255).all()
    assert (after.outlier[1:][~inside[1:]] == 0).all()
    assert (after.labels[inside] == 255).all()
    assert (after.labels[1:][~inside[1:]] == 0).all()
    assert after.name == "pasted"
    assert (before.rgb == 50).all()
    assert before.outlier is None


def test_half_opaque_pixels_are_blended_and_belong_to_the_object():
    opacity = np.array([[0.0, 0.49, 0.5, 1.0]], np.float32)
    patch = np.full((1, 4, 3), 150, np.uint8)
    after = paste(scene(), patch, opacity, top=5, left=0)
    assert after.rgb[5, :4, 0].tolist() == [50, 99, 100, 150]
    assert after.outlier[5, :4].tolist() == [0, 0, 1, 1]


def test_pasting_keeps_earlier_outliers():
    once = paste(scene(), np.zeros((2, 2, 3), np.uint8), np.ones((2, 2), np.float32), 5, 5)
    twice = paste(once, np.zeros((2, 2, 3), np.uint8), np.ones((2, 2), np.float32), 9, 9)
    assert int((twice.outlier == 1).sum()) == 8


@pytest.mark.parametrize("distribution", ["uniform", "log_uniform"])
def test_shares_stay_in_their_range(distribution):
    rng = np.random.default_rng(0)
    shares = [draw_share(rng, ShareSettings(distribution, 0.001, 0.1)) for _ in range(2000)]
    assert 0.001 <= min(shares) < max(shares) <= 0.1
    # METHOD section 3: a uniform draw leaves only 9 % below 1 %; a log-uniform one half.
    expected = {"uniform": 0.09, "log_uniform": 0.5}[distribution]
    assert np.mean(np.array(shares) < 0.01) == pytest.approx(expected, abs=0.04)


def test_fixed_share_is_the_maximum():
    assert draw_share(np.random.default_rng(0), ShareSettings("fixed", 0.05, 0.05)) == 0.05


def test_impossible_shares_are_refused():
    with pytest.raises(OpenSetError, match="minimum <= maximum"):
        ShareSettings("uniform", 0.2, 0.1)


@pytest.mark.parametrize(("kind", "share"), [("box", 1.0), ("ellipse", np.pi / 4)])
def test_outlines_cover_their_area(kind, share):
    opacity = shape_opacity(kind, (101, 203), np.random.default_rng(0))
    assert opacity.mean() == pytest.approx(share, abs=0.02)


def test_blobs_differ_and_lie_inside_the_ellipse():
    rng = np.random.default_rng(0)
    ellipse = shape_opacity("ellipse", (60, 80), rng)
    first, second = (shape_opacity("blob", (60, 80), rng) for _ in range(2))
    assert not np.array_equal(first, second)
    assert (first <= ellipse).all()
    assert first[30, 40] == 1


def test_feather_softens_the_border_alone():
    opacity = np.zeros((40, 40), np.float32)
    opacity[10:30, 10:30] = 1
    soft = feather(opacity, 1.5)
    assert soft[20, 20] == pytest.approx(1)
    assert soft[2, 2] == pytest.approx(0)
    assert 0.3 < soft[20, 10] < 0.7
    assert feather(opacity, 0) is opacity


def test_a_feathered_box_is_half_opaque_at_its_edges_and_covers_all_but_its_corners():
    soft = feather(np.ones((40, 60), np.float32), 2.0)
    assert soft[20, 30] == pytest.approx(1)
    assert 0.5 < soft[20, 0] < 0.62
    assert 0.5 < soft[0, 30] < 0.62
    assert 0.25 < soft[0, 0] < 0.5
    covered = soft >= 0.5
    assert covered[3:-3].all()
    assert covered[:, 3:-3].all()


def region() -> Sample:
    labels = np.full((20, 30), 7, np.uint8)
    labels[10] = 255
    outlier = np.zeros((20, 30), np.uint8)
    outlier[10] = 255
    return Sample("other", np.full((20, 30, 3), 150, np.uint8), labels, outlier)


def test_a_region_brings_picture_and_truth_of_the_same_window():
    before = scene()
    before = Sample("road", before.rgb, before.labels, inlier_truth(before))
    after = paste_region(before, region(), np.ones((4, 6), np.float32), top=9, left=5)
    inside = np.zeros((20, 30), bool)
    inside[9:13, 5:11] = True
    for name in ("rgb", "labels", "outlier"):
        found, inner, outer = (getattr(sample, name) for sample in (after, region(), before))
        assert np.array_equal(found[inside], inner[inside]), name
        assert np.array_equal(found[~inside], outer[~inside]), name
    assert (after.labels[10, 5:11] == 255).all()
    assert after.name == "road"
    assert (before.labels[1:] == 0).all()


def test_a_regions_truth_counts_from_half_opacity_on_and_colours_are_blended():
    before = scene()
    before = Sample("road", before.rgb, before.labels, np.ones((20, 30), np.uint8))
    opacity = np.array([[0.0, 0.49, 0.5, 1.0]], np.float32)
    after = paste_region(before, region(), opacity, top=5, left=2)
    assert after.rgb[5, 2:6, 0].tolist() == [50, 99, 100, 150]
    assert after.labels[5, 2:6].tolist() == [0, 0, 7, 7]
    assert after.outlier[5, 2:6].tolist() == [1, 1, 0, 0]


def test_inlier_truth_ignores_void():
    truth = inlier_truth(scene())
    assert (truth[0] == 255).all()
    assert (truth[1:] == 0).all()
    assert (inlier_truth(Sample("bare", scene().rgb)) == 0).all()
