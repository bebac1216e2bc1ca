"""The node under load for a while: memory, threads and files stay as they are.

LDN_SOAK_SECONDS makes it longer than in CI: `LDN_SOAK_SECONDS=3600 pytest --log-cli-level=info` on
this file tells the figures.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import LATCHED, RELIABLE, wait_for
from diagnostic_msgs.msg import DiagnosticArray
from drill import picture
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from ldn_openset_ros.ros.diagnostics import all_have_an_outcome

SECONDS = float(os.environ.get("LDN_SOAK_SECONDS", "20"))
CAMERAS = ("front", "rear")
HEIGHT, WIDTH = 64, 96
MAX_GROWTH_MB = 25.0
"""Of the resident memory from the second fifth to the last: a leak of one map of these small
frames for each frame would make hundreds of megabytes an hour, allocators settle within this."""


@dataclass(frozen=True)
class Use:
    """What a process holds."""

    memory_mb: float
    threads: int
    files: int


def use_of(process_id: int) -> Use:
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{process_id}/status").read_text().splitlines()
    )
    files = len(list(Path(f"/proc/{process_id}/fd").iterdir()))
    return Use(int(status["VmRSS"].split()[0]) / 1e3, int(status["Threads"]), files)


def camera_info(header) -> CameraInfo:
    info = CameraInfo(header=header, height=HEIGHT, width=WIDTH)
    info.k = [80.0, 0.0, 47.5, 0.0, 80.0, 31.5, 0.0, 0.0, 1.0]
    return info


def values_of(arrays: list) -> dict[str, dict[str, str]]:
    """Return the newest values of each camera."""
    return {
        status.name.removeprefix("openset: "): {v.key: v.value for v in status.values}
        for status in arrays[-1].status
    }


@pytest.mark.timeout(SECONDS + 300)
def test_load_above_capacity_leaves_nothing_behind(
    bench, start_module, tiny_model, record_property
):
    process = start_module(
        "openset_node",
        f"model:={tiny_model}",
        f"cameras:=[{', '.join(CAMERAS)}]",
        "mount_height:=1.5",
        "min_hits:=1",
        "min_region_pixels:=5",
    )
    legends: list = []
    bench.probe.create_subscription(String, "/openset/legend", legends.append, LATCHED)
    wait_for(lambda: legends, "the node")
    arrays = bench.subscribe(DiagnosticArray, "/diagnostics")
    received = count_messages(bench)
    publishers = [
        (bench.camera(CameraInfo, f"/{name}/camera_info"), bench.camera(topic=f"/{name}/image"))
        for name in CAMERAS
    ]
    pictures = [picture(seed) for seed in range(8)]
    uses: list[Use] = []
    started = time.monotonic()
    for number in itertools.count():
        elapsed = time.monotonic() - started
        if elapsed > SECONDS:
            break
        for info, image in publishers:
            message = bench.image(pictures[number % len(pictures)])
            info.publish(camera_info(message.header))
            if number % 50 == 49:
                message.encoding = "mystery8"
            image.publish(message)
        if number % 100 == 99:
            bench.set_parameters(threshold=0.3 + number % 5 / 10, smoothing=float(number % 3))
        if elapsed * 2 >= len(uses):
            uses.append(use_of(process.pid))
        time.sleep(0.004)  # 250 Hz a camera
    wait_for(lambda: all(map(all_have_an_outcome, values_of(arrays).values())), "the last frames")
    last = values_of(arrays)
    fifth = len(uses) // 5
    early, late = uses[fifth : 2 * fifth], uses[-fifth:]
    growth = max(use.memory_mb for use in late) - max(use.memory_mb for use in early)
    figures = {
        "seconds": round(elapsed, 1),
        "messages": {name: sum(counts.values()) for name, counts in received.items()},
        "frames": {
            name: {o: int(v[f"frames_{o}"]) for o in ("received", "processed", "replaced", "bad")}
            for name, v in last.items()
        },
        "early": asdict(early[0]),
        "late": asdict(late[-1]),
        "growth_mb": round(growth, 1),
    }
    record_property("soak", json.dumps(figures))
    logging.getLogger(__name__).info("soak: %s", json.dumps(figures))
    assert process.poll() is None
    assert growth < MAX_GROWTH_MB
    assert {use.threads for use in early} == {use.threads for use in late}
    assert max(use.files for use in late) <= max(use.files for use in early)
    for name, values in last.items():
        assert int(values["frames_processed"]) > 20, name
        assert int(values["frames_replaced"]) > 0, "the load must be above capacity"
        assert int(values["frames_bad"]) > 0
    processed = [int(values["frames_processed"]) for values in last.values()]
    assert max(processed) <= 1.1 * min(processed)
    assert all(all(counts.values()) for counts in received.values()), received


def count_messages(bench) -> dict[str, dict[str, int]]:
    """Subscribe to the outputs of every camera and count them, keeping none."""
    counts: dict[str, dict[str, int]] = {}

    def counter(camera: str, output: str) -> Callable[[object], None]:
        def count(_: object) -> None:
            counts[camera][output] += 1

        return count

    kinds = {"labels": Image, "overlay": Image, "markers": MarkerArray, "obstacles": PointCloud2}
    for camera in CAMERAS:
        counts[camera] = dict.fromkeys(kinds, 0)
        for output, kind in kinds.items():
            topic = f"/openset/{camera}/{output}"
            bench.probe.create_subscription(kind, topic, counter(camera, output), RELIABLE)
    return counts
