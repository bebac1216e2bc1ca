"""Run the camera and the node as processes and record what they publish."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from tqdm import tqdm

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.demo.frame import OUTPUT_TOPICS
from ldn_openset_ros.ros.demo.processes import Children
from ldn_openset_ros.ros.demo.recorder import Recorder
from ldn_openset_ros.ros.demo.sources import Source
from ldn_openset_ros.ros.demo.spool import FrameSpool
from ldn_openset_ros.ros.demo.summary import Recording

NODE_MODULE = "ldn_openset_ros.ros.node"
LAST_FRAME_TIMEOUT = 10.0
"""Seconds that the node gets to answer the last image after the camera was told to stop."""
CHECK_PERIOD = 0.2
"""Seconds between looks at the processes and the clock."""

Spin = Callable[[float], None]


@dataclass(frozen=True)
class RecordingSettings:
    """How to record.

    node: parameters of the node. seconds: how long, from the first outputs. start_timeout:
    seconds until these must have come. logs: folder for the processes' parameters and output.
    environment: of the processes; this one must run in it as well.
    """

    node: Mapping[str, Any]
    seconds: float
    start_timeout: float
    logs: Path
    environment: dict[str, str]


def record(source: Source, settings: RecordingSettings, spool: FrameSpool) -> Recording:
    """Start camera and node, record until the time is over, stop them; frames go to the spool.

    Raises OpenSetError where a process ends early or no frame is complete in time. Ctrl-C ends
    the recording and keeps what came; before the first frame it is a KeyboardInterrupt.
    """
    node_parameters = dict(settings.node)
    if source.compressed:
        node_parameters["image_transport"] = "compressed"
    image = "image/compressed" if source.compressed else "image"
    remap = ["-r", f"{image}:={source.image_topic}"]
    interrupted = False
    with _recorder(source, spool) as (recorder, spin):
        with Children(settings.environment, settings.logs) as children:
            try:
                camera = children.start(
                    f"the {source.title}",
                    source.module,
                    _arguments(source.parameters, settings.logs / "camera.yaml"),
                )
                children.start(
                    "the node",
                    NODE_MODULE,
                    [*_arguments(node_parameters, settings.logs / "node.yaml"), *remap],
                )
                _wait_for_start(recorder, source, children, spin, settings.start_timeout)
                _watch(recorder, children, spin, settings.seconds)
                camera.send(signal.SIGINT)
                _spin_while(lambda: recorder.matcher.awaiting, spin, LAST_FRAME_TIMEOUT)
            except KeyboardInterrupt:
                if recorder.started is None:
                    raise
                interrupted = True
        return Recording(
            frames_in=recorder.matcher.images,
            processed=recorder.matcher.complete,
            unmatched=recorder.matcher.unmatched,
            seconds=recorder.latest - recorder.started,
            end_to_end=recorder.end_to_end,
            diagnostics=recorder.diagnostics,
            legend=recorder.legend,
            faults=recorder.faults,
            interrupted=interrupted,
        )


@contextmanager
def _recorder(source: Source, spool: FrameSpool) -> Iterator[tuple[Recorder, Spin]]:
    """Hand out a recorder and the function that serves its messages for so many seconds."""
    # Python's own signal handlers stay: Ctrl-C must stop the children before ROS shuts down.
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        recorder = Recorder(source, spool.append)
        executor = SingleThreadedExecutor()
        executor.add_node(recorder)
        yield recorder, executor.spin_once
        executor.shutdown()
        recorder.destroy_node()
    finally:
        rclpy.try_shutdown()


def _arguments(parameters: Mapping[str, Any], path: Path) -> list[str]:
    # A file keeps the types, where -p on the command line guesses them: a model's folder may be
    # called 2024. JSON is YAML.
    path.write_text(json.dumps({"/**": {"ros__parameters": dict(parameters)}}, indent=2) + "\n")
    return ["--ros-args", "--params-file", str(path)]


def _wait_for_start(
    recorder: Recorder, source: Source, children: Children, spin: Spin, timeout: float
) -> None:
    def waiting() -> bool:
        children.check()
        progress.n = time.monotonic() - start
        progress.refresh()
        return recorder.started is None

    start = time.monotonic()
    bar = "starting {desc}: {n:.0f} s"
    with tqdm(desc=f"{source.title} and node", bar_format=bar) as progress:
        started = _spin_while(waiting, spin, timeout)
    if not started:
        topics = (source.image_topic, *OUTPUT_TOPICS.values())
        counts = ", ".join(f"{recorder.received[topic]} on {topic}" for topic in topics)
        raise OpenSetError(
            f"no frame with all its outputs came in {timeout:g} s (messages: {counts}): see the "
            "logs of the processes"
        )


def _watch(recorder: Recorder, children: Children, spin: Spin, seconds: float) -> None:
    def recording() -> bool:
        children.check()
        elapsed = time.monotonic() - recorder.started
        progress.set_postfix_str(
            f"{recorder.matcher.images} frames in, {recorder.matcher.complete} processed",
            refresh=False,
        )
        progress.n = min(elapsed, seconds)
        progress.refresh()
        return elapsed < seconds

    bar = "{desc} {bar} {n:.0f} of {total:.0f} s{postfix}"
    with tqdm(desc="recording", total=seconds, bar_format=bar) as progress:
        _spin_while(recording, spin)


def _spin_while(condition: Callable[[], bool], spin: Spin, timeout: float = float("inf")) -> bool:
    """Serve messages while the condition holds; return False if it held to the time-out."""
    deadline = time.monotonic() + timeout
    next_check = 0.0
    while True:
        now = time.monotonic()
        if now >= next_check:
            if not condition():
                return True
            if now >= deadline:
                return False
            next_check = now + CHECK_PERIOD
        spin(CHECK_PERIOD)
