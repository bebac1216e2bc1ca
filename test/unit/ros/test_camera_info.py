"""Binning, regions of interest and scaling against numbers worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.camera_info import (
    CameraModel,
    camera_model,
    scaled_camera_info,
    shows_rectified,
)

K = (1000.0, 0.0, 639.5, 0.0, 900.0, 359.5, 0.0, 0.0, 1.0)
P = (800.0, 0.0, 600.0, -96.0, 0.0, 800.0, 350.0, 0.0, 0.0, 0.0, 1.0, 0.0)
D = (-0.3, 0.1, 0.001, -0.002, 0.0)


def info(**changed):
    """Return the camera_info of a stereo pair's second camera of 1280x720 pixels."""
    values = {
        "header": SimpleNamespace(frame_id="right_optical_frame"),
        "width": 1280,
        "height": 720,
        "distortion_model": "plumb_bob",
        "d": list(D),
        "k": np.array(K),
        "r": np.eye(3).ravel(),
        "p": np.array(P),
        "binning_x": 0,
        "binning_y": 0,
        "roi": region(),
    }
    return SimpleNamespace(**{**values, **changed})


def region(x=0, y=0, width=0, height=0):
    return SimpleNamespace(
        x_offset=x, y_offset=y, width=width, height=height, do_rectify=bool(width)
    )


def window(message):
    roi = message.roi
    return roi.x_offset, roi.y_offset, roi.width, roi.height


@pytest.mark.parametrize(
    ("topic", "rectified"),
    [
        ("/camera/image_raw", False),
        ("/camera/image_color", False),
        ("/camera/image_rect", True),
        ("/left/image_rect_color", True),
        ("/left/image_rect/compressed", True),
        ("/rectangle/image", False),
    ],
)
def test_a_topic_s_name_tells_whether_it_is_rectified(topic, rectified):
    assert shows_rectified(topic) is rectified


def test_a_raw_image_is_described_by_k_and_d():
    assert camera_model(info(), 1280, 720, rectified=False) == CameraModel(
        1280, 720, 1000.0, 900.0, 639.5, 359.5, "plumb_bob", D
    )


def test_a_rectified_image_is_described_by_p():
    assert camera_model(info(), 1280, 720, rectified=True) == CameraModel(
        1280, 720, 800.0, 800.0, 600.0, 350.0
    )


def test_binning_keeps_the_centre_of_the_image_in_the_centre():
    camera = camera_model(info(binning_x=2, binning_y=4), 640, 180, rectified=False)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (500.0, 225.0, 319.5, 89.5)


def test_a_region_moves_the_principal_point():
    message = info(roi=region(100, 50, 640, 480))
    camera = camera_model(message, 640, 480, rectified=False)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (1000.0, 900.0, 539.5, 309.5)


def test_a_region_is_given_in_unbinned_pixels():
    message = info(roi=region(100, 50, 640, 480), binning_x=2, binning_y=2)
    camera = camera_model(message, 320, 240, rectified=True)
    # 600 - 100 = 500 lies at 500.5 from the left edge, which is 250.25 binned.
    assert (camera.fx, camera.cx, camera.cy) == (400.0, 249.75, 149.75)


@pytest.mark.parametrize("model", ["", "plumb_bob", "unheard_of"])
@pytest.mark.parametrize("d", [[], [0.0] * 5])
def test_no_coefficients_are_no_distortion(model, d):
    camera = camera_model(info(distortion_model=model, d=d), 1280, 720, rectified=False)
    assert camera.distortion == ()


def test_r_turns_the_sensor_s_axes_and_zeros_leave_them():
    turn = cv2.Rodrigues(np.float64([0.01, -0.02, 0.03]))[0].ravel()
    turned = camera_model(info(r=turn), 1280, 720, rectified=False)
    assert turned.rotation == tuple(turn)
    assert camera_model(info(r=turn), 1280, 720, rectified=True).rotation == tuple(
        np.eye(3).ravel()
    )
    assert camera_model(info(r=np.zeros(9)), 1280, 720, rectified=False).rotation == tuple(
        np.eye(3).ravel()
    )


MALFORMED = {
    "uncalibrated": (dict(k=np.zeros(9)), r"K is zero.*calibrate"),
    "NaN in K": (dict(k=(np.nan, *K[1:])), "K is malformed"),
    "infinite principal point": (dict(k=(*K[:2], np.inf, *K[3:])), "K is malformed"),
    "K of a wrong length": (dict(k=K[:8]), "K is malformed"),
    "no pinhole camera": (dict(k=(1000.0, 0, 0, 0, 0, 0, 0, 0, 1)), "K is no matrix"),
    "skew": (dict(k=(1000.0, 5.0, *K[2:])), "K is no matrix"),
    "NaN in D": (dict(d=[np.nan] * 5), "D is malformed"),
    "wrong length of D": (dict(d=[0.1] * 3), "D has 3 coefficients where plumb_bob takes 4 or 5"),
    "too long for a fisheye": (
        dict(d=[0.1] * 5, distortion_model="equidistant"),
        "5 coefficients where equidistant takes 4",
    ),
    "unknown distortion": (dict(distortion_model="mei"), "'mei' is unknown: use one of plumb_bob"),
    "R is no rotation": (dict(r=2 * np.eye(3).ravel()), "R is no rotation"),
    "another size": (dict(width=640, height=480), "640x480 pixels, the image has 1280x720: remap"),
    "no size": (dict(width=0), "size of 0x720 pixels"),
    "region outside": (dict(roi=region(1000, 0, 640, 480)), "not within 1280x720"),
    "half a region": (dict(roi=region(0, 0, 640, 0)), "region of interest of 640x0"),
    "binned away": (dict(binning_x=2000), "binning of 2000x1 leaves nothing"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_info_is_refused_with_a_remedy(case):
    changed, text = MALFORMED[case]
    with pytest.raises(OpenSetError, match=text):
        camera_model(info(**changed), 1280, 720, rectified=False)


def test_a_rectified_image_needs_p_alone():
    message = info(k=np.zeros(9), d=[np.nan], distortion_model="mei")
    assert camera_model(message, 1280, 720, rectified=True).fx == 800.0
    with pytest.raises(OpenSetError, match="P is zero"):
        camera_model(info(p=np.zeros(12)), 1280, 720, rectified=True)


def test_scaling_to_half_the_size():
    scaled = scaled_camera_info(info(), 640, 180)
    assert (scaled.width, scaled.height) == (640, 180)
    # x by 1/2, y by 1/4; 639.5 and 359.5 are the centres and stay so.
    assert scaled.k.tolist() == [500.0, 0, 319.5, 0, 225.0, 89.5, 0, 0, 1]
    assert scaled.p.tolist() == [400.0, 0, 299.75, -48.0, 0, 200.0, 87.125, 0, 0, 0, 1, 0]
    assert scaled.d == list(D)
    assert window(scaled) == (0, 0, 0, 0)


def test_scaling_keeps_the_message_and_its_header():
    message = info()
    scaled = scaled_camera_info(message, 320, 180)
    assert scaled.header == message.header
    assert (message.width, message.k.tolist(), message.p.tolist()) == (1280, list(K), list(P))


def test_scaling_to_the_same_size_changes_nothing():
    message = info(roi=region(101, 53, 641, 480), binning_x=2, binning_y=3)
    scaled = scaled_camera_info(message, 320, 160)
    assert (scaled.width, scaled.height, window(scaled)) == (1280, 720, (101, 53, 641, 480))
    assert scaled.k.tolist() == list(K)


def test_scaling_with_region_and_binning():
    message = info(roi=region(100, 60, 640, 480), binning_x=2, binning_y=2)
    scaled = scaled_camera_info(message, 160, 120)
    assert (scaled.width, scaled.height) == (640, 360)
    assert (scaled.binning_x, scaled.binning_y) == (2, 2)
    assert window(scaled) == (50, 30, 320, 240)
    assert scaled.k.tolist() == [500.0, 0, 319.5, 0, 450.0, 179.5, 0, 0, 1]


@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("size", [(211, 99), (500, 700), (1, 1)])
def test_a_scene_point_keeps_its_place_in_the_image_whatever_is_rounded(size, rectified):
    message = info(roi=region(101, 53, 641, 480), binning_x=2, binning_y=3)
    before = camera_model(message, 320, 160, rectified)
    after = camera_model(scaled_camera_info(message, *size), *size, rectified)
    u, v = (f * 0.2 + c for f, c in ((before.fx, before.cx), (before.fy, before.cy)))
    assert after.fx * 0.2 + after.cx == pytest.approx((u + 0.5) * size[0] / 320 - 0.5)
    assert after.fy * 0.2 + after.cy == pytest.approx((v + 0.5) * size[1] / 160 - 0.5)


def test_the_scaled_principal_point_fits_what_opencv_s_resize_makes():
    picture = np.zeros((40, 60), np.float32)
    picture[16:24, 36:44] = 1  # centre of mass at (39.5, 19.5)
    message = info(width=60, height=40, k=(50.0, 0, 39.5, 0, 50.0, 19.5, 0, 0, 1))
    scaled = scaled_camera_info(message, 30, 20)
    moments = cv2.moments(cv2.resize(picture, (30, 20), interpolation=cv2.INTER_AREA))
    assert scaled.k[2] == pytest.approx(moments["m10"] / moments["m00"])
    assert scaled.k[5] == pytest.approx(moments["m01"] / moments["m00"])


def test_scaling_leaves_an_uncalibrated_camera_uncalibrated():
    scaled = scaled_camera_info(info(k=np.zeros(9), p=np.zeros(12)), 640, 360)
    assert not scaled.k.any()
    assert not scaled.p.any()


def test_messages_of_the_rosbags_library():
    types = get_typestore(Stores.ROS2_JAZZY).types
    roi = types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    values = {**vars(info()), "d": np.array(D), "roi": roi}
    message = types["sensor_msgs/msg/CameraInfo"](**values)
    assert scaled_camera_info(message, 640, 360).k[0] == 500.0
    assert camera_model(message, 1280, 720, rectified=False).distortion == D


def test_messages_of_rclpy():
    messages = pytest.importorskip("sensor_msgs.msg")
    message = messages.CameraInfo(width=1280, height=720, k=K, p=P, d=D)
    message.distortion_model = "plumb_bob"
    message.header.frame_id = "right_optical_frame"
    message.header.stamp.sec = 12
    message.roi = messages.RegionOfInterest(x_offset=100, y_offset=60, width=640, height=480)
    scaled = scaled_camera_info(message, 320, 240)
    assert isinstance(scaled, messages.CameraInfo)
    assert scaled.header == message.header
    assert window(scaled) == (50, 30, 320, 240)
    assert camera_model(scaled, 320, 240, rectified=False) == CameraModel(
        320, 240, 500.0, 450.0, 269.5, 149.5, "plumb_bob", D
    )
