"""Time the real node beside the Predictor alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from tqdm import tqdm

from ldn_openset_ros.benchmark.node_figures import NodeFigures
from ldn_openset_ros.benchmark.predictor import TOTAL, time_predictor
from ldn_openset_ros.benchmark.timings import Timings
from ldn_openset_ros.benchmark.turns import PAUSE
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.benchmark_peer import RunningNode
from ldn_openset_ros.ros.diagnostics import STAGES
from ldn_openset_ros.ros.latency import latency_of_stage

FRAME_TIMEOUT = 120.0
WARM_UP_FRAMES = 2


def benchmark_node(
    node: RunningNode,
    predictor: Predictor,
    frames: Sequence[np.ndarray],
    progress: Callable[..., tqdm] = tqdm,
) -> NodeFigures:
    """Send each frame through the Predictor and then through the node, one after the other.

    predictor: what the node runs as well. frames: uint8 (H, W, 3) of one size. Raises
    OpenSetError where the node fails.
    """
    (reports,) = node.peer.diagnostics.values()
    alone, end_to_end = Timings(), Timings()
    warm_up = frames[:WARM_UP_FRAMES]
    numbered = enumerate((*warm_up, *frames), start=1)
    for number, rgb in progress(list(numbered), desc="node", unit="frame"):
        stages = time_predictor(predictor, rgb)
        time.sleep(PAUSE)
        seconds = _send(node, rgb)
        if number == len(warm_up):
            reports.clear()
        if number > len(warm_up):
            alone.add(stages)
            end_to_end.add({TOTAL: seconds})
        time.sleep(PAUSE)
    node.wait_for_report()
    height, width = frames[0].shape[:2]
    timings = {stage: latency_of_stage(reports, stage) for stage in (*STAGES, TOTAL)}
    return NodeFigures(
        width=width,
        height=height,
        frames=len(frames),
        predictor=alone.summary(),
        node={stage: timing for stage, timing in timings.items() if timing},
        end_to_end=end_to_end.summary()[TOTAL],
    )


def _send(node: RunningNode, rgb: np.ndarray) -> float:
    """Send a frame through the node; return the seconds to its last output."""
    number, started = node.peer.send(rgb)
    while (answered := node.peer.answered(number)) is None:
        if time.perf_counter() > started + FRAME_TIMEOUT:
            raise OpenSetError(f"the node did not answer a frame within {FRAME_TIMEOUT:g} s")
        node.serve(1.0)
    return answered - started
