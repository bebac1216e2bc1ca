"""Run the camera and the node as processes and record what they publish."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.demo.frame import OUTPUT_TOPICS
from ldn_openset_ros.ros.demo.recorder import Recorder
from ldn_openset_ros.ros.demo.sources import Source
from ldn_openset_ros.ros.demo.spool import FrameSpool
from ldn_openset_ros.ros.demo.summary import Recording
from ldn_openset_ros.ros.processes import Children, parameter_arguments
from ldn_openset_ros.ros.spinning import Spin, spin_while, spinning

NODE_MODULE = "ldn_openset_ros.ros.openset_node"
LAST_FRAME_TIMEOUT = 10.0
"""Seconds that the node gets to answer the last image after the camera was told to stop."""


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
    with spinning(lambda: Recorder(source, spool.append)) as (recorder, spin):
        with Children(settings.environment, settings.logs) as children:
            try:
                camera = children.start(
                    f"the {source.title}",
                    source.module,
                    parameter_arguments(source.parameters, settings.logs / "camera.yaml"),
                )
                children.start(
                    "the node",
                    NODE_MODULE,
                    [*parameter_arguments(node_parameters, settings.logs / "node.yaml"), *remap],
                )
                _wait_for_start(recorder, source, children, spin, settings.start_timeout)
                _watch(recorder, children, spin, settings.seconds)
                camera.send(signal.SIGINT)
                spin_while(lambda: recorder.matcher.awaiting, spin, LAST_FRAME_TIMEOUT)
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
        started = spin_while(waiting, spin, timeout)
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
        spin_while(recording, spin)
