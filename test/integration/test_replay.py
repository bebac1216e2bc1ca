"""Real recordings through player -> node -> outputs: no frame lost, pixels as the Predictor's."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import wait_for
from sensor_msgs.msg import Image

from ldn_openset_ros import Predictor
from ldn_openset_ros.bags.discovery import find_topics
from ldn_openset_ros.bags.faults import Faults
from ldn_openset_ros.bags.frames import frames
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.cli.main import main
from ldn_openset_ros.resources import DEFAULT_MODEL
from ldn_openset_ros.ros.images import decode_float, decode_map

OUTPUTS = ("labels", "outlier_probability", "open_set")


def stamp_ns(message: Image) -> int:
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("dataset", "root", "rate", "count"),
    [("road_anomaly", "road_anomaly_dev", 1.0, 20), ("camvid", "camvid", 3.0, 233)],
)
def test_every_frame_of_a_recording_comes_out_as_the_predictor_has_it(
    data_root, tmp_path, start_module, bench, dataset, root, rate, count
):
    bag = tmp_path / "bag"
    source = ["--dataset", dataset, "--root", str(data_root / root)]
    assert main(["make-bag", *source, "-o", str(bag), "--rate", str(rate)]) == 0

    start_module("openset_node", remap=("image:=/camera/image_raw",))
    received = {name: bench.subscribe(Image, f"/openset/{name}") for name in OUTPUTS}
    wait_for(lambda: bench.probe.count_subscribers("/camera/image_raw"), "the node")
    player = start_module(
        "player", f"bag:={bag}", "wait_for_subscribers:=60.0", "start_delay:=2.0"
    )
    assert player.wait(count / rate + 120) == 0
    wait_for(lambda: all(len(m) == count for m in received.values()), "the last frame's outputs")

    predictor = Predictor.load(DEFAULT_MODEL)
    with BagReader(bag) as reader:
        faults = Faults()
        for index, frame in enumerate(frames(reader, find_topics(reader), faults)):
            labels, outlier, open_set = (received[name][index] for name in OUTPUTS)
            expected = predictor(frame.rgb)
            for message in (labels, outlier, open_set):
                assert stamp_ns(message) == frame.stamp_ns
                assert message.header.frame_id == frame.frame_id == "camera_optical_frame"
            assert np.array_equal(decode_map(labels), expected.labels)
            assert np.array_equal(decode_float(outlier), expected.outlier)
            assert np.array_equal(decode_map(open_set), expected.open_set)
    assert index == count - 1
    assert not faults.counts
