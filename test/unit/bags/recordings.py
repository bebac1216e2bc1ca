"""Recordings for the tests of `bags`: messages of one value, written to real files."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import cv2
import numpy as np
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

IMAGE = "/camera/image_raw"
COMPRESSED = "/camera/image_raw/compressed"
OUTLIER = "/ground_truth/outlier"
LABELS = "/ground_truth/labels"
IMAGE_TYPE = "sensor_msgs/msg/Image"
STORAGES = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
SUFFIXES = {"mcap": ".mcap", "sqlite3": ".db3"}
STORE = get_typestore(Stores.ROS2_JAZZY)
TYPES = STORE.types
MILLISECOND = 1_000_000


def header(stamp, frame="left"):
    """A header, stamped in milliseconds."""
    seconds, rest = divmod(stamp, 1000)
    time = TYPES["builtin_interfaces/msg/Time"](sec=seconds, nanosec=rest * MILLISECOND)
    return TYPES["std_msgs/msg/Header"](stamp=time, frame_id=frame)


def pixels_message(stamp, pixels, encoding="mono8", frame="left"):
    """An image message of an array."""
    return TYPES[IMAGE_TYPE](
        header=header(stamp, frame),
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=pixels[0].nbytes,
        data=pixels.reshape(-1).view(np.uint8),
    )


def image(stamp, value, encoding="mono8", shape=(2, 3)):
    """A message of one grey value, stamped in milliseconds."""
    return pixels_message(stamp, np.full(shape, value, np.uint8), encoding)


def scores(stamp, value, shape=(2, 3)):
    """A 32FC1 message of one value, stamped in milliseconds."""
    return pixels_message(stamp, np.full(shape, value, np.float32), "32FC1")


def png(stamp, value, shape=(2, 3), kept=None):
    """A compressed message of one grey value; `kept` cuts its file to that many bytes."""
    _, data = cv2.imencode(".png", np.full(shape, value, np.uint8))
    return TYPES["sensor_msgs/msg/CompressedImage"](
        header=header(stamp), format="mono8; png compressed mono8", data=data.reshape(-1)[:kept]
    )


def text(content):
    """A std_msgs/String."""
    return TYPES["std_msgs/msg/String"](data=content)


def record(path, messages, storage="mcap", start_ns=0, prepare=lambda writer: None) -> Path:
    """Write (topic, message or CDR bytes) pairs in the order given, a nanosecond apart.

    Bytes are written as an Image's.
    """
    writer = Writer(path, version=9, storage_plugin=STORAGES[storage])
    prepare(writer)
    with writer:
        connections = {}
        for number, (topic, message) in enumerate(messages):
            kind = IMAGE_TYPE if isinstance(message, bytes) else message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(connections[topic], start_ns + number, cdr(message))
    return path


def record_mcap(path, messages, times=None, **options) -> Path:
    """Write an .mcap file with options of the `mcap` package; a chunk ends after each message."""
    options = {"compression": CompressionType.NONE, "chunk_size": 1, **options}
    with path.open("wb") as file:
        writer = McapWriter(file, **options)
        writer.start(profile="ros2")
        schemas, channels = {}, {}
        for number, (topic, message) in enumerate(messages):
            kind = message.__msgtype__
            if kind not in schemas:
                definition = STORE.generate_msgdef(kind, ros_version=2)[0].encode()
                schemas[kind] = writer.register_schema(kind, "ros2msg", definition)
            if topic not in channels:
                channels[topic] = writer.register_channel(topic, "cdr", schemas[kind])
            time_ns = number if times is None else times[number]
            writer.add_message(channels[topic], time_ns, cdr(message), time_ns)
        writer.finish()
    return path


def cdr(message) -> bytes:
    """The serialised message."""
    if isinstance(message, bytes):
        return message
    return bytes(STORE.serialize_cdr(message, message.__msgtype__))


def storage_file(bag, storage) -> Path:
    """The storage file of a bag's folder."""
    (path,) = bag.glob(f"*{SUFFIXES[storage]}")
    return path


def cut(path, kept) -> Path:
    """Cut a file to its first `kept` bytes; negative: without its last ones."""
    path.write_bytes(path.read_bytes()[:kept])
    return path


def run_sql(path, *statements):
    """Run statements on a .db3 file."""
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
