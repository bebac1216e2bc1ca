"""Floods, publishers that come and go, QoS that does not fit, and time that jumps."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import LATCHED, RELIABLE, wait_for
from builtin_interfaces.msg import Time
from drill import Drill, picture
from rclpy.logging import LoggingSeverity
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from ldn_openset_ros.ros.diagnostics import Outcome
from ldn_openset_ros.ros.images import decode_float

FLOOD = 5000
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
HOUR = 3600


def status(process, name: str) -> int:
    """Return a number of /proc/PID/status, such as VmRSS in kB."""
    with open(f"/proc/{process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(f"{name}:"))


def test_a_flood_of_images(bench, start_module, tiny_model):
    """5000 at 10 kHz: bounded memory, no queue of old frames, services answer meanwhile."""
    process = start_module("openset_node", f"model:={tiny_model}")
    bench.legend()
    labels = bench.subscribe(Image, "/openset/labels")
    newest = bench.diagnostics()
    camera = bench.camera(qos=BEST_EFFORT)

    def answered():
        camera.publish(bench.image(picture(0)))
        return labels

    wait_for(answered)
    before = status(process, "VmRSS")
    labels.clear()
    image = bench.image(picture(1))
    next_due, answers = time.monotonic(), 0
    for number in range(FLOOD):
        image.header = bench.header()
        camera.publish(image)
        if number % 500 == 0:
            asked = time.monotonic()
            assert bench.set_parameters(threshold=(number + 1) / FLOOD) == ""
            assert time.monotonic() - asked < 5
            answers += 1
            next_due = time.monotonic()
        next_due += 1e-4
        while time.monotonic() < next_due:
            pass
    last = image.header.stamp.sec
    ended = wait_for(lambda: newest() if newest()["rate_in_hz"] == "0.00" else None)
    assert answers == 10
    stamps = [message.header.stamp.sec for message in labels]
    assert stamps == sorted(set(stamps))
    # It never is more than the frame at hand, one in its mailbox and one in DDS behind.
    assert last - stamps[-1] < FLOOD / 20
    outcomes = {o.value: int(ended[f"frames_{o.value}"]) for o in Outcome}
    assert sum(outcomes.values()) == int(ended["frames_received"])
    assert outcomes["replaced"] > outcomes["processed"] > 0
    assert outcomes["bad"] == outcomes["failed"] == 0
    # 5000 images of 18 kB are 90 MB.
    assert status(process, "VmRSS") - before < 40_000
    labels.clear()
    good = bench.image(picture(0))
    camera.publish(good)
    wait_for(lambda: labels)
    assert labels[0].header == good.header


def test_publishers_that_come_and_go(bench, tiny_model):
    drill = Drill(bench, tiny_model)
    for _ in range(20):
        camera = bench.camera()
        drill.recover(camera=camera)
        bench.probe.destroy_publisher(camera)
    drill.recover()


def test_two_publishers_on_one_topic(bench, tiny_model):
    """Each has a clock of its own, a minute apart: both are processed, the jumps are counted."""
    drill = Drill(bench, tiny_model)
    warnings = bench.logged(LoggingSeverity.WARN)
    newest = bench.diagnostics()
    other = bench.camera()
    for _ in range(5):
        ahead = drill.good(picture(0))
        ahead.header.stamp.sec += 60
        drill.recover(ahead)
        drill.recover(camera=other)
    wait_for(lambda: newest()["time_jumps_back"] == "5")
    wait_for(lambda: warnings)
    assert len(warnings) == 1, "told once in a while"
    assert "/image: stamps jump back by 59 s" in warnings[0]
    assert "two cameras on one topic?" in warnings[0]


def test_reliable_input_from_a_best_effort_camera(bench, tiny_model):
    drill = Drill(
        bench, tiny_model, **{"qos_overrides./image.subscription.reliability": "reliable"}
    )
    warnings = bench.logged(LoggingSeverity.WARN)
    newest = bench.diagnostics()
    mute = bench.probe.create_publisher(Image, "/image", BEST_EFFORT)
    wait_for(lambda: newest()["incompatible_qos"] == "1 x /image (RELIABILITY)")
    assert newest()["level"] == "1"
    assert "incompatible QoS: 1 x /image (RELIABILITY)" in newest()["message"]
    wait_for(lambda: warnings)
    assert warnings == [
        "/image: another node has an incompatible RELIABILITY, so no message passes between us: "
        "change its QoS, or ours by the parameters qos_overrides"
    ]
    for _ in range(5):
        mute.publish(bench.image(picture(1)))
    drill.recover()
    assert drill.values()["frames_received"] == "1"
    wait_for(lambda: newest()["frames_processed"] == "1")
    assert newest()["level"] == "1", "it stays told for a minute"
    assert newest()["message"] == "incompatible QoS: 1 x /image (RELIABILITY)"


def test_a_subscriber_that_wants_what_outputs_do_not_offer(bench, tiny_model):
    """A transient local subscriber gets nothing and costs the others nothing."""
    drill = Drill(bench, tiny_model)
    warnings = bench.logged(LoggingSeverity.WARN)
    newest = bench.diagnostics()
    nothing = bench.subscribe(Image, "/openset/overlay", LATCHED)
    wait_for(lambda: newest()["incompatible_qos"] == "1 x /openset/overlay (DURABILITY)")
    assert newest()["level"] == "1"
    wait_for(lambda: warnings)
    assert "/openset/overlay: another node has an incompatible DURABILITY" in warnings[0]
    for _ in range(3):
        drill.recover()
    assert nothing == []
    overlays = bench.subscribe(Image, "/openset/overlay", RELIABLE)
    wait_for(lambda: drill.node.count_subscribers("/openset/overlay") == 2)

    def answered():
        drill.recover()
        return overlays

    wait_for(answered)
    assert nothing == []


def test_a_bag_that_starts_again(bench, tiny_model):
    """Stamps go back by an hour: the first frame is processed, and without the past."""
    drill = Drill(bench, tiny_model, temporal_smoothing=0.9)
    warnings = bench.logged(LoggingSeverity.WARN)
    first = drill.good(picture(0))
    drill.camera.publish(first)
    drill.answered(first.header)
    late = drill.good(picture(1))
    drill.camera.publish(late)
    drill.answered(late.header)
    again = drill.good(picture(0))
    again.header.stamp.sec -= HOUR
    drill.recover(again)
    assert drill.values()["time_jumps_back"] == "1"
    wait_for(lambda: warnings)
    assert "/image: stamps jump back by 3599 s" in warnings[0]


def test_simulated_time_that_jumps_back(bench, tiny_model):
    """With max_age the age of a frame is that of the new time."""
    drill = Drill(bench, tiny_model, use_sim_time=True, max_age=1.0)
    clock = bench.camera(Clock, "/clock")

    def at(seconds: int) -> Image:
        """Set the time and return a frame half a second old."""

        def is_set():
            clock.publish(Clock(clock=Time(sec=seconds, nanosec=500_000_000)))
            return drill.node.get_clock().now().nanoseconds == seconds * 10**9 + 500_000_000

        wait_for(is_set)
        image = drill.good(picture(0))
        image.header.stamp = Time(sec=seconds)
        return image

    now = 1_700_000_000
    drill.recover(at(now))
    drill.recover(at(now + 10))
    drill.recover(at(now - HOUR))
    assert drill.count(Outcome.TOO_OLD) == 0
    old = drill.good(picture(0))
    old.header.stamp = Time(sec=now - HOUR - 1)
    drill.camera.publish(old)
    wait_for(lambda: drill.count(Outcome.TOO_OLD) == 1)
    drill.recover(at(now - HOUR + 1))


@pytest.mark.parametrize("stamp", [Time(sec=2**31 - 1, nanosec=2**32 - 1), Time(sec=-(2**31))])
def test_stamps_that_no_clock_gives(bench, tiny_model, stamp):
    """The end of time and long before its start: headers come back as they are."""
    drill = Drill(bench, tiny_model)
    newest = bench.diagnostics()
    strange = drill.good(picture(0))
    strange.header.stamp = stamp
    drill.recover(strange)
    drill.recover()
    wait_for(lambda: newest()["frames_processed"] == "2")
    assert newest()["level"] == "0"


def test_stamps_of_the_future(bench, tiny_model):
    """A camera whose clock is ahead: no frame of it is too old."""
    drill = Drill(bench, tiny_model, max_age=1.0)
    newest = bench.diagnostics()
    for _ in range(2):
        image = drill.good(picture(0))
        image.header.stamp = Time(sec=int(time.time()) + HOUR)
        drill.recover(image)
    wait_for(lambda: newest()["frames_processed"] == "2")
    assert float(newest()["output_age_p50_ms"]) < -3_500_000


def test_a_camera_that_pauses_and_one_that_is_slow(bench, tiny_model):
    """A pause ends what is remembered, and is told; a camera of 0.3 Hz keeps it."""
    drill = Drill(bench, tiny_model, temporal_smoothing=0.9)
    lines = bench.logged(LoggingSeverity.INFO)
    told = "/image: 5.0 s without a frame: object ids and temporal smoothing start anew"

    def show(seed: int, after: float) -> np.ndarray:
        """Publish a frame some seconds of its stamp after the last; return its probability."""
        show.now += after
        message = drill.good(picture(seed))
        message.header.stamp = Time(sec=int(show.now), nanosec=int(show.now % 1 * 1e9))
        drill.camera.publish(message)
        drill.answered(message.header)
        return decode_float(drill.received["outlier_probability"][-1])

    show.now = 1000.0
    expected = {seed: drill.predictor(picture(seed)).outlier for seed in (0, 1)}
    np.testing.assert_array_equal(show(1, 0), expected[1])
    assert not np.array_equal(show(0, 0.5), expected[0])
    np.testing.assert_array_equal(show(0, 5.0), expected[0])
    assert drill.values()["time_gaps"] == "1"
    wait_for(lambda: told in lines)

    np.testing.assert_array_equal(show(1, 100.0), expected[1])  # the pause before a slow camera
    show(1, 3.0)
    for seed in (0, 1, 0):
        mixed = show(seed, 3.3)
        assert not np.array_equal(mixed, expected[seed])
    assert drill.values()["time_gaps"] == "2"
