"""Which process plays the camera in a demo. No ROS here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ldn_openset_ros.bags.bag_files import STORAGE_SUFFIXES, is_bag
from ldn_openset_ros.bags.discovery import choose_image_topic
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.topics import (
    CAMERA_INFO_TOPIC,
    COMPRESSED_IMAGE_TYPE,
    IMAGE_TOPIC,
    LABELS_TOPIC,
    OUTLIER_TOPIC,
)
from ldn_openset_ros.data.pictures import list_pictures
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.media import VIDEO_SUFFIXES, is_device

TRUTH_TOPICS = (OUTLIER_TOPIC, LABELS_TOPIC)


@dataclass(frozen=True)
class Source:
    """A process that publishes images.

    title: what it shows, for people. module: run with `python -m`. parameters: of its ROS node.
    image_topic: where its images are; compressed: whether they are CompressedImage. classes: name
    of the taxonomy of its truth of labels; None = the model's.
    """

    title: str
    module: str
    parameters: dict[str, Any]
    image_topic: str = IMAGE_TOPIC
    compressed: bool = False
    classes: str | None = None


def find_source(source: str | None, camera: Mapping[str, Any]) -> Source:
    """Return what to start for a bag, video, folder of pictures or device; None: sample camera.

    camera: what the user asked of the camera, by parameter: rate, seed, width, height. Raises
    OpenSetError for an unusable source and for a parameter that it does not have.
    """
    if source is None:
        return Source(
            "sample camera", "ldn_openset_ros.ros.sample_camera", dict(camera), classes="camvid"
        )
    path = Path(source)
    if is_bag(path):
        _check_parameters(source, camera, known=())
        return bag_source(path)
    if is_device(source) or path.suffix.lower() in VIDEO_SUFFIXES or path.is_dir():
        _check_parameters(source, camera, known=("rate",))
        return media_source(source, camera)
    if path.exists():
        known = ", ".join((*STORAGE_SUFFIXES, *VIDEO_SUFFIXES))
        raise OpenSetError(f"{source} is neither a bag nor a video: give one of {known}")
    raise OpenSetError(
        f"no source {source!r}: give a bag, a video, a folder of pictures or a camera such as "
        "/dev/video0"
    )


def bag_source(path: Path) -> Source:
    """Return the player of a bag's images and their truth; it starts again at the end."""
    with BagReader(path) as reader:
        topics, damage = reader.topics, reader.damage
    remedy = f"record one with its camera on {IMAGE_TOPIC}"
    image_topic = choose_image_topic(path, topics, remedy)
    if image_topic is None:
        raise OpenSetError(f"{path} has no topic of images: {remedy}")
    wanted = [t for t in (image_topic, CAMERA_INFO_TOPIC, *TRUTH_TOPICS) if t in topics]
    return Source(
        title=f"bag {path}" if damage is None else f"bag {path} ({damage})",
        module="ldn_openset_ros.ros.player",
        parameters={"bag": str(path), "loop": True, "topics": wanted},
        image_topic=image_topic,
        compressed=topics[image_topic].type == COMPRESSED_IMAGE_TYPE,
    )


def media_source(source: str, camera: Mapping[str, Any]) -> Source:
    """Return the publisher of a video, a folder of pictures or a device."""
    path = Path(source)
    if path.is_dir():
        if not list_pictures(path):
            raise OpenSetError(f"{source} holds neither pictures nor a bag: give another folder")
        title = f"pictures of {source}"
    elif is_device(source):
        title = f"camera {source}"
    elif path.is_file():
        title = f"video {source}"
    else:
        raise OpenSetError(f"no video {source}: check the path")
    parameters = {"source": source, "loop": True, **camera}
    return Source(title, "ldn_openset_ros.ros.media_camera", parameters)


def _check_parameters(source: str, camera: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in camera:
        if name not in known:
            raise OpenSetError(f"{source} has a {name} of its own: leave out the option for it")
