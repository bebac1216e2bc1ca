"""Calibration files: what is read, and the line that refuses the rest."""

from __future__ import annotations

import shutil

import pytest
import yaml

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.calibration_file import read_calibration

GOOD = {
    "image_width": 64,
    "image_height": 48,
    "camera_name": "front",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [70, 0, 31.5, 0, 71.0, 23.5, 0, 0, 1]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [-0.3, 0.1, 0, 0, 0]},
    "rectification_matrix": {"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
    "projection_matrix": {"rows": 3, "cols": 4, "data": [60, 0, 31, 0, 0, 61, 23, 0, 0, 0, 1, 0]},
}


@pytest.fixture
def write(tmp_path):
    """Return a function that writes the good file with changes, and gives its path."""

    def write(**changes):
        path = tmp_path / "front.yaml"
        path.write_text(yaml.safe_dump({**GOOD, **changes}))
        return str(path)

    return write


def test_the_fields_of_the_message_are_read(write):
    path = write()
    for url in (path, f"file://{path}"):
        assert read_calibration(url) == {
            "width": 64,
            "height": 48,
            "distortion_model": "plumb_bob",
            "d": [-0.3, 0.1, 0.0, 0.0, 0.0],
            "k": [70.0, 0.0, 31.5, 0.0, 71.0, 23.5, 0.0, 0.0, 1.0],
            "r": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            "p": [60.0, 0.0, 31.0, 0.0, 0.0, 61.0, 23.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"image_width": "wide"}, "image_width and image_height are no sizes"),
        ({"image_height": 0}, "image_width and image_height are no sizes"),
        ({"camera_matrix": {"data": [1.0]}}, "camera_matrix has 1 numbers, not 9"),
        ({"camera_matrix": None}, "is no calibration"),
        ({"camera_matrix": {"data": [0.0] * 9}}, "camera_info is uncalibrated (K is zero)"),
        ({"projection_matrix": {"data": [float("nan")] * 12}}, "P is malformed"),
        ({"distortion_coefficients": {"data": ["x"]}}, "is no calibration"),
        ({"distortion_coefficients": {"data": [0.1]}}, "D has 1 coefficients where plumb_bob"),
        ({"distortion_model": "fisheye"}, "distortion model 'fisheye' is unknown"),
        ({"distortion_model": 3}, "distortion_model is no text"),
    ],
)
def test_what_is_no_calibration_is_refused_with_the_file(write, changes, reason):
    path = write(**changes)
    with pytest.raises(OpenSetError) as error:
        read_calibration(path)
    assert reason in str(error.value)
    assert str(error.value).startswith(f"camera_info_url: {path}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"- 1\n", "is no calibration"),
        (b"", "is no calibration"),
        (b"[image]\nwidth 64\n", "is no YAML"),
        (b"\xff\xfe\x00", "it is no text"),
    ],
)
def test_other_files_are_refused(tmp_path, content, reason):
    path = tmp_path / "front.ini"
    path.write_bytes(content)
    with pytest.raises(OpenSetError, match=reason):
        read_calibration(str(path))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///nope.yaml", "cannot read /nope.yaml: No such file"),
        ("/", "cannot read /: Is a directory"),
        ("http://camera/front.yaml", "is http://camera/front.yaml: give file:///PATH or package"),
    ],
)
def test_places_without_a_file_are_refused(url, reason):
    with pytest.raises(OpenSetError, match=reason):
        read_calibration(url)


def test_a_package_names_its_share_folder(tmp_path, monkeypatch, write):
    pytest.importorskip("ament_index_python", reason="needs ament_index_python of ROS 2")
    index = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "rig").touch()
    (tmp_path / "share" / "rig").mkdir()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    shutil.copy(write(), tmp_path / "share" / "rig")
    assert read_calibration("package://rig/front.yaml")["width"] == 64
    with pytest.raises(OpenSetError, match="no package 'ring'"):
        read_calibration("package://ring/front.yaml")
