"""Write frames with their truth, and what was recognised in them, into a rosbag2 recording."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.topics import (
    CAMERA_INFO_TOPIC,
    CAMERA_INFO_TYPE,
    COMPRESSED_IMAGE_TOPIC,
    COMPRESSED_IMAGE_TYPE,
    IMAGE_TOPIC,
    IMAGE_TYPE,
    LABELS_TOPIC,
    NODE_LABELS_TOPIC,
    NODE_LEGEND_TOPIC,
    NODE_OPEN_SET_TOPIC,
    NODE_OUTLIER_PROBABILITY_TOPIC,
    OUTLIER_TOPIC,
    STRING_TYPE,
)
from ldn_openset_ros.data.sample import PinholeCamera, Sample
from ldn_openset_ros.errors import OpenSetError

STORAGES = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
"""Storage formats by the names rosbag2 gives them."""

COMPRESSIONS = ("jpeg", "png")
"""Formats of compressed images."""

JPEG_QUALITY = 95

# Metadata version 9 is what Jazzy and newer write; they read it, older distributions do not.
_METADATA_VERSION = 9
_NANOSECONDS = 1_000_000_000

_LATCHED = Qos(
    QosHistory.KEEP_LAST,
    1,
    QosReliability.RELIABLE,
    QosDurability.TRANSIENT_LOCAL,
    deadline=QosTime(0, 0),
    lifespan=QosTime(0, 0),
    liveliness=QosLiveliness.AUTOMATIC,
    liveliness_lease_duration=QosTime(0, 0),
    avoid_ros_namespace_conventions=False,
)


class BagWriter:
    """Write a new bag: samples, the outputs of their recognition, messages of other bags.

    A context manager. The bag is written to `<path>.partial/` and moved to `path` when the block
    ends well; where it ends in an error, nothing is left behind. So a bag at `path` is whole, and
    a `.partial` folder is what a killed process left.

    path: folder of the bag; it must not exist yet.
    storage: "mcap" or "sqlite3".
    compressed_images: "jpeg" (quality 95) or "png" writes sensor_msgs/CompressedImage to
        `/camera/image_raw/compressed` in place of sensor_msgs/Image to `/camera/image_raw`.
        Truth is never compressed.
    frame_id: frame of the camera, z forward (REP 103), in every header.

    Raises OpenSetError for an existing path, an unknown storage or compression, and where the
    disk refuses.
    """

    def __init__(
        self,
        path: str | Path,
        storage: str = "mcap",
        compressed_images: str | None = None,
        frame_id: str = "camera_optical_frame",
    ) -> None:
        if storage not in STORAGES:
            raise OpenSetError(f"no bag storage {storage!r}: choose {', '.join(STORAGES)}")
        if compressed_images is not None and compressed_images not in COMPRESSIONS:
            raise OpenSetError(
                f"no image compression {compressed_images!r}: choose {', '.join(COMPRESSIONS)}"
            )
        self.path = Path(path)
        self.frame_id = frame_id
        self.counts: Counter[str] = Counter()
        self._storage = STORAGES[storage]
        self._compression = compressed_images
        self._partial = self.path.with_name(f"{self.path.name}.partial")
        self._messages = get_typestore(Stores.ROS2_JAZZY)
        self._connections = {}

    def __enter__(self) -> BagWriter:
        """Create the bag's files."""
        with self._disk_errors():
            exists, begun = self.path.exists(), self._partial.exists()
        if exists:
            raise OpenSetError(f"{self.path} exists already: choose another name or remove it")
        if begun:
            raise OpenSetError(
                f"{self._partial} is being written, or was left by a killed process: wait, or "
                "remove it"
            )
        with self._disk_errors():
            # The storage file is named after its folder: keep the final name inside `.partial`.
            self._writer = Writer(
                self._partial / self.path.name,
                version=_METADATA_VERSION,
                storage_plugin=self._storage,
            )
            self._writer.open()
        return self

    def __exit__(self, exception_type, exception, trace) -> None:
        """Move the finished bag to its place, or remove what there is of it."""
        try:
            if exception_type is None:
                with self._disk_errors():
                    self._writer.close()
                    (self._partial / self.path.name).rename(self.path)
            else:
                # A full disk refuses what is still in buffers; the error that led here counts.
                with contextlib.suppress(OSError, sqlite3.Error):
                    self._writer.abort()
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def write(self, sample: Sample, stamp_ns: int) -> None:
        """Write a frame and what is known about it, stamped and logged at `stamp_ns`.

        stamp_ns: nanoseconds since the epoch, at least 0.
        """
        header = self._header(stamp_ns, self.frame_id)
        if self._compression is None:
            message = self._image(header, "rgb8", sample.rgb)
            self._write(IMAGE_TOPIC, message, stamp_ns)
        else:
            message = self._compressed_image(header, sample.rgb)
            self._write(COMPRESSED_IMAGE_TOPIC, message, stamp_ns)
        if sample.camera is not None:
            self._write(CAMERA_INFO_TOPIC, self._camera_info(header, sample.camera), stamp_ns)
        if sample.outlier is not None:
            message = self._image(header, "mono8", sample.outlier)
            self._write(OUTLIER_TOPIC, message, stamp_ns)
        if sample.labels is not None:
            message = self._image(header, "mono8", sample.labels)
            self._write(LABELS_TOPIC, message, stamp_ns)

    def write_outputs(
        self,
        stamp_ns: int,
        frame_id: str,
        labels: np.ndarray | None,
        outlier_probability: np.ndarray | None,
        open_set: np.ndarray | None,
        time_ns: int | None = None,
    ) -> None:
        """Write what was recognised in a frame as the node `openset` publishes it.

        stamp_ns, frame_id: of the image's header. labels, open_set: uint8 (H, W) ids.
        outlier_probability: float32 (H, W). None is left out. time_ns: of recording, nanoseconds;
        None = the stamp.
        """
        time_ns = stamp_ns if time_ns is None else time_ns
        header = self._header(stamp_ns, frame_id)
        for topic, encoding, dtype, pixels in (
            (NODE_LABELS_TOPIC, "mono8", "u1", labels),
            (NODE_OUTLIER_PROBABILITY_TOPIC, "32FC1", "<f4", outlier_probability),
            (NODE_OPEN_SET_TOPIC, "mono8", "u1", open_set),
        ):
            if pixels is not None:
                message = self._image(header, encoding, pixels.astype(dtype, copy=False))
                self._write(topic, message, time_ns)

    def write_legend(self, text: str, time_ns: int) -> None:
        """Write the legend of the outputs, JSON, latched, recorded at `time_ns` nanoseconds."""
        message = self._messages.types[STRING_TYPE](data=text)
        self._write(NODE_LEGEND_TOPIC, message, time_ns, [_LATCHED])

    def copy(self, reader: BagReader, topic: str, time_ns: int, data: bytes) -> None:
        """Write a message of another bag as it is.

        reader: of that bag. topic, time_ns, data: as its `raw_messages` yields them.
        """
        if topic not in self._connections:
            kind = reader.topics[topic]
            definition, digest = reader.definition(topic)
            with self._disk_errors():
                self._connections[topic] = self._writer.add_connection(
                    topic,
                    kind.type,
                    msgdef=definition,
                    rihs01=digest,
                    offered_qos_profiles=[_LATCHED] if kind.latched else [],
                )
        self._write_bytes(topic, data, time_ns)

    def write_serialized(
        self,
        topic: str,
        msgtype: str,
        time_ns: int,
        data: bytes | memoryview,
        profiles: Sequence[Qos] = (),
    ) -> None:
        """Write a message of one of Jazzy's types as it came over the wire.

        msgtype: for example "sensor_msgs/msg/Image". time_ns: of recording, nanoseconds. data:
        CDR bytes. profiles: QoS that its publisher offers.
        """
        if topic not in self._connections:
            with self._disk_errors():
                self._connections[topic] = self._writer.add_connection(
                    topic,
                    msgtype,
                    typestore=self._messages,
                    offered_qos_profiles=profiles,
                )
        if self._connections[topic].msgtype != msgtype:
            raise OpenSetError(
                f"{self.path}: {topic} is a {self._connections[topic].msgtype} of another bag and "
                f"cannot hold a {msgtype}: leave it out of the copy"
            )
        self._write_bytes(topic, data, time_ns)

    def _write(
        self, topic: str, message: object, time_ns: int, profiles: Sequence[Qos] = ()
    ) -> None:
        msgtype = message.__msgtype__
        data = self._messages.serialize_cdr(message, msgtype)
        self.write_serialized(topic, msgtype, time_ns, data, profiles)

    def _write_bytes(self, topic: str, data: bytes | memoryview, time_ns: int) -> None:
        with self._disk_errors():
            self._writer.write(self._connections[topic], time_ns, data)
        self.counts[topic] += 1

    def _header(self, stamp_ns: int, frame_id: str) -> object:
        seconds, nanoseconds = divmod(stamp_ns, _NANOSECONDS)
        types = self._messages.types
        stamp = types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds)
        return types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)

    def _image(self, header: object, encoding: str, pixels: np.ndarray) -> object:
        height, width = pixels.shape[:2]
        return self._messages.types[IMAGE_TYPE](
            header=header,
            height=height,
            width=width,
            encoding=encoding,
            is_bigendian=0,
            step=pixels[0].nbytes,
            data=np.ascontiguousarray(pixels).reshape(-1).view(np.uint8),
        )

    def _compressed_image(self, header: object, rgb: np.ndarray) -> object:
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        if self._compression == "jpeg":
            _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        else:
            _, data = cv2.imencode(".png", bgr)
        # The words of compressed_image_transport: encoding on the wire before and in the stream.
        return self._messages.types[COMPRESSED_IMAGE_TYPE](
            header=header,
            format=f"rgb8; {self._compression} compressed bgr8",
            data=data.reshape(-1),
        )

    def _camera_info(self, header: object, camera: PinholeCamera) -> object:
        k = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]], float)
        region = self._messages.types["sensor_msgs/msg/RegionOfInterest"](
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        )
        return self._messages.types[CAMERA_INFO_TYPE](
            header=header,
            height=camera.height,
            width=camera.width,
            distortion_model="plumb_bob",
            d=np.zeros(5),
            k=k.reshape(-1),
            r=np.eye(3).reshape(-1),
            p=np.hstack([k, np.zeros((3, 1))]).reshape(-1),
            binning_x=0,
            binning_y=0,
            roi=region,
        )

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise OpenSetError(f"cannot write the bag {self.path}: {error}") from None
