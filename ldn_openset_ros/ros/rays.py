"""The rays along which a camera sees its pixels. No ROS here."""

from __future__ import annotations

import cv2
import numpy as np

from ldn_openset_ros.ros.camera_info import CameraModel

_TOLERANCE = 0.1
"""A ray counts as that of a pixel if the distorted ray meets it to so many pixels."""

# The default of 5 iterations leaves errors of pixels in the corners of wide lenses.
_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-10)

# Before OpenCV 5 a function of its own takes criteria.
_undistort = getattr(cv2, "undistortPointsIter", cv2.undistortPoints)


def pixel_rays(camera: CameraModel, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the rays of pixels as float64 (N, 3), in the camera's optical frame (REP-103).

    columns, rows: (N,) pixel coordinates. A ray times the depth along the sensor's axis is the
    point that the pixel shows. Distortion is inverted numerically; where it has no inverse
    (beyond the field of view that was calibrated) the ray is NaN.
    """
    pixels = np.column_stack((columns, rows)).astype(np.float64)
    plane = (pixels - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    if camera.distortion and len(pixels):
        plane = _undistorted(camera, pixels)
    rays = np.column_stack((plane, np.ones(len(plane))))
    return rays @ np.reshape(camera.rotation, (3, 3)).T


def _undistorted(camera: CameraModel, pixels: np.ndarray) -> np.ndarray:
    """Return the pixels on the plane at depth 1, (N, 2); NaN where there is no inverse."""
    matrix, distortion = camera.matrix, np.float64(camera.distortion)
    if camera.distortion_model == "equidistant":
        plane = cv2.fisheye.undistortPoints(pixels[:, None], matrix, distortion)
        again = cv2.fisheye.distortPoints(plane, matrix, distortion)
    else:
        points = pixels[:, None]
        plane = _undistort(points, matrix, distortion, R=None, P=None, criteria=_CRITERIA)
        spatial = cv2.convertPointsToHomogeneous(plane)
        again, _ = cv2.projectPoints(spatial, np.zeros(3), np.zeros(3), matrix, distortion)
    plane, again = plane[:, 0], again[:, 0]
    met = np.abs(again - pixels).max(axis=1) < _TOLERANCE
    return np.where(met[:, None], plane, np.nan)
