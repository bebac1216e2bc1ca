import hashlib
from dataclasses import replace

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.scenes.canvas import ROAD, SKY
from ldn_openset_ros.scenes.drive import Drive, DriveSettings
from ldn_openset_ros.taxonomy import IGNORE_INDEX, load_taxonomy

SMALL = DriveSettings(width=192, height=108, seed=2)


@pytest.fixture(scope="module")
def drive():
    return Drive(SMALL)


@pytest.fixture(scope="module")
def samples(drive):
    """Every half second of half a minute."""
    return [drive.frame(index) for index in range(0, 300, 5)]


def digest(sample):
    arrays = (sample.rgb, sample.labels, sample.outlier)
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


def test_a_frame_has_picture_truth_name_and_camera(drive):
    sample = drive.frame(7)
    assert sample.name == "000007"
    assert sample.rgb.shape == (108, 192, 3)
    assert sample.labels.shape == sample.outlier.shape == (108, 192)
    assert sample.rgb.dtype == sample.labels.dtype == sample.outlier.dtype == np.uint8
    assert sample.camera == drive.camera
    half_view = np.degrees(np.arctan(192 / 2 / drive.camera.fx))
    assert 2 * half_view == pytest.approx(SMALL.field_of_view)


def test_labels_are_ids_and_void_exactly_on_outliers(samples):
    known = [*range(load_taxonomy("camvid").num_classes), IGNORE_INDEX]
    for sample in samples:
        assert np.isin(sample.labels, known).all()
        assert np.isin(sample.outlier, (0, 1)).all()
        assert np.array_equal(sample.outlier == 1, sample.labels == IGNORE_INDEX)


def test_frames_are_the_same_bytes_in_any_order():
    forwards, backwards = Drive(SMALL), Drive(SMALL)
    indices = (0, 40, 41, 90)
    first = {i: digest(forwards.frame(i)) for i in indices}
    second = {i: digest(backwards.frame(i)) for i in reversed(indices)}
    assert first == second
    assert digest(forwards.frame(40)) == first[40]
    assert len(set(first.values())) == len(indices)


def test_another_seed_is_another_street(drive):
    other = Drive(replace(SMALL, seed=3)).frame(40)
    assert not np.array_equal(other.labels, drive.frame(40).labels)


def test_all_classes_are_met():
    seen = np.zeros(256, np.int64)
    for seed in range(4):
        drive = Drive(replace(SMALL, seed=seed))
        for index in range(0, 300, 30):
            seen += np.bincount(drive.frame(index).labels.ravel(), minlength=256)
    assert (seen[: load_taxonomy("camvid").num_classes] > 0).all()


def test_sky_is_above_and_road_below(samples):
    for sample in samples:
        rows = [np.nonzero(sample.labels == label)[0].mean() for label in (SKY, ROAD)]
        assert rows[0] < 54 < rows[1]


def test_pictures_are_neither_black_nor_burnt_nor_flat(samples):
    for sample in samples:
        assert 25 < sample.rgb.mean() < 220
        road = sample.rgb[sample.labels == ROAD].astype(float)
        assert road.std() > 4


def test_outliers_are_in_view_most_of_the_time_and_not_always(samples):
    share = np.mean([bool(sample.outlier.any()) for sample in samples])
    assert 0.4 < share < 0.95


def test_outliers_approach(samples):
    areas = np.array([int(sample.outlier.sum()) for sample in samples])
    before, after = areas[:-1], areas[1:]
    lasting = (before > 0) & (after > 0)
    assert lasting.sum() >= 10
    assert np.median(after[lasting] / before[lasting]) > 1.1


def test_a_drive_without_outliers_has_none():
    drive = Drive(replace(SMALL, outliers=False))
    for index in range(0, 300, 20):
        sample = drive.frame(index)
        assert not sample.outlier.any()
        assert IGNORE_INDEX not in sample.labels


def test_motion_is_that_of_the_camera(drive):
    """What is seen ahead is the same street, larger: textures are fixed to the world."""
    now, later = (drive.frame(index).rgb.astype(float).mean(2) for index in (100, 101))
    unrelated = drive.frame(160).rgb.astype(float).mean(2)

    def likeness(a, b):
        return np.corrcoef(a[:50].ravel(), b[:50].ravel())[0, 1]

    assert likeness(now, later) > 0.8
    assert likeness(now, later) > likeness(now, unrelated) + 0.1


def test_far_frames_are_rendered_too(drive):
    sample = drive.frame(10_000_000)
    assert sample.name == "10000000"
    assert (sample.labels == ROAD).mean() > 0.1


@pytest.mark.parametrize(
    ("name", "value"), [("width", 10), ("seed", -1), ("frame_rate", 0), ("speed", float("nan"))]
)
def test_bad_settings_name_the_setting(name, value):
    with pytest.raises(OpenSetError, match=f"drive: {name} is"):
        replace(SMALL, **{name: value})


def test_frames_count_from_zero(drive):
    with pytest.raises(OpenSetError, match="frames count from 0"):
        drive.frame(-1)
