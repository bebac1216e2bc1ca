"""Rays against points that OpenCV projects with distortion."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ldn_openset_ros.ros.camera_info import CameraModel
from ldn_openset_ros.ros.rays import pixel_rays

SIZE = (1280, 720)
INTRINSICS = (700.0, 710.0, 630.0, 365.0)
DISTORTED = {
    "plumb_bob": (-0.3, 0.1, 0.001, -0.002, -0.01),
    "rational_polynomial": (0.5, -0.2, 0.0005, 0.0003, 0.02, 0.8, -0.1, 0.03),
    "equidistant": (0.01, -0.02, 0.005, -0.001),
}


@pytest.fixture
def points():
    """Points in front of the camera, spread over its field of view."""
    x, y = np.meshgrid(np.linspace(-0.7, 0.7, 15), np.linspace(-0.4, 0.4, 9))
    depth = np.linspace(2, 40, x.size)
    return np.column_stack((x.ravel() * depth, y.ravel() * depth, depth))


def project(points, camera):
    zero, distortion = np.zeros(3), np.float64(camera.distortion)
    if camera.distortion_model == "equidistant":
        pixels, _ = cv2.fisheye.projectPoints(
            points[:, None], zero, zero, camera.matrix, distortion
        )
    else:
        pixels, _ = cv2.projectPoints(points[:, None], zero, zero, camera.matrix, distortion)
    return pixels[:, 0].T


def test_the_principal_point_looks_straight_ahead():
    camera = CameraModel(*SIZE, *INTRINSICS)
    rays = pixel_rays(camera, np.array([630, 1330]), np.array([365, 1075]))
    assert rays.tolist() == [[0, 0, 1], [1, 1, 1]]


@pytest.mark.parametrize("model", DISTORTED)
def test_distortion_is_inverted(points, model):
    camera = CameraModel(*SIZE, *INTRINSICS, model, DISTORTED[model])
    rays = pixel_rays(camera, *project(points, camera))
    np.testing.assert_allclose(rays * points[:, 2:], points, rtol=1e-5, atol=1e-6)


def test_rays_of_a_raw_image_are_turned_into_the_rectified_frame(points):
    rotation = cv2.Rodrigues(np.float64([0.02, -0.05, 0.01]))[0]
    camera = CameraModel(*SIZE, *INTRINSICS, rotation=tuple(rotation.ravel()))
    sensor = points @ rotation  # the inverse turn
    columns, rows = (sensor[:, :2] / sensor[:, 2:] * (700, 710) + (630, 365)).T
    rays = pixel_rays(camera, columns, rows)
    np.testing.assert_allclose(rays * sensor[:, 2:], points, rtol=1e-9, atol=1e-9)


def test_pixels_beyond_the_reach_of_the_distortion_have_no_ray():
    # r (1 - r^2 / 3) rises to 2/3 only, at r = 1: pixels farther out show nothing.
    camera = CameraModel(*SIZE, *INTRINSICS, "plumb_bob", (-1 / 3, 0.0, 0.0, 0.0, 0.0))
    columns = 630 + 700 * np.array([0.0, 0.5, 0.8])
    rays = pixel_rays(camera, columns, np.full(3, 365))
    assert np.isfinite(rays[:2]).all()
    assert np.isnan(rays[2, :2]).all()


@pytest.mark.parametrize("model", ["", *DISTORTED])
def test_no_pixels_no_rays(model):
    camera = CameraModel(*SIZE, *INTRINSICS, model, DISTORTED.get(model, ()))
    assert pixel_rays(camera, np.empty(0, int), np.empty(0, int)).shape == (0, 3)
