"""Points on outliers as sensor_msgs/PointCloud2."""

from __future__ import annotations

import array

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

POINT = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("probability", "<f4"), ("region", "<u4")]
)
"""One point as it lies in the message: metres, outlier probability, id of its region."""

_DATATYPES = {"<f4": PointField.FLOAT32, "<u4": PointField.UINT32}


def point_cloud(
    points: np.ndarray, probability: np.ndarray, regions: np.ndarray, header: Header
) -> PointCloud2:
    """Build an unordered cloud, with `header` as it is: its frame must be that of the points.

    points: float32 (N, 3), metres; probability: float32 (N,); regions: uint32 (N,). The message
    is that of `sensor_msgs_py.point_cloud2.create_cloud`, `is_dense` (False) included.
    """
    packed = np.empty(len(points), POINT)
    packed["x"], packed["y"], packed["z"] = points.T
    packed["probability"], packed["region"] = probability, regions
    message = PointCloud2(
        header=header,
        height=1,
        width=len(packed),
        fields=[
            PointField(
                name=name,
                offset=POINT.fields[name][1],
                datatype=_DATATYPES[POINT[name].str],
                count=1,
            )
            for name in POINT.names
        ],
        is_bigendian=False,
        point_step=POINT.itemsize,
        row_step=POINT.itemsize * len(packed),
        is_dense=False,
    )
    # Bytes are checked item by item in rclpy's setter; an array.array is taken over.
    data = array.array("B")
    data.frombytes(packed.tobytes())
    message.data = data
    return message
