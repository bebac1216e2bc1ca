"""Play a bag to the real node as processes of their own, and record what the node answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.live_recorder import LiveRecorder
from ldn_openset_ros.ros.live_run import Replay
from ldn_openset_ros.ros.processes import Child, Children, parameter_arguments
from ldn_openset_ros.ros.spinning import Spin, spin_while, spinning

NODE_MODULE = "ldn_openset_ros.ros.openset_node"
PLAYER_MODULE = "ldn_openset_ros.ros.player"

START_TIMEOUT = 120.0
"""Seconds that the node gets to load its model."""
PLAYER_PARAMETERS = {
    "loop": False,
    "wait_for_subscribers": 60.0,
    "subscribers": 2,
    "start_delay": 2.0,
}
"""The player finds the node and this recorder, and then leaves them time to find it as well."""
LAST_ANSWER_TIMEOUT = 60.0
"""Seconds that the node gets, after the last image, to report that it has done with all."""
GRACE = 0.5
"""Seconds that the last outputs may come later than such a report."""


@dataclass(frozen=True)
class ReplaySettings:
    """What to play, and to which node.

    node, player: parameters of the two. image_topic, compressed: of the images that are played.
    images: how many there are. logs: folder for the processes' parameters and output.
    environment: of the processes; this one must run in it as well. progress: show a bar.
    """

    node: Mapping[str, Any]
    player: Mapping[str, Any]
    image_topic: str
    compressed: bool
    images: int
    logs: Path
    environment: dict[str, str]
    progress: bool = False


def replay(settings: ReplaySettings, on_answer: Callable[[int, dict[str, bytes]], Any]) -> Replay:
    """Start node and player, record until the bag is over and the node idle, stop both.

    on_answer: takes stamp and serialized outputs, by topic, of each answered image. Raises
    OpenSetError where a process fails. Ctrl-C ends the recording and keeps what came; before the
    first image it is a KeyboardInterrupt.
    """
    interrupted = False
    with (
        spinning(lambda: LiveRecorder(settings.image_topic, settings.compressed, on_answer)) as (
            recorder,
            spin,
        ),
        Children(settings.environment, settings.logs) as both,
    ):
        image = "image/compressed" if settings.compressed else "image"
        node = both.start(
            "the node",
            NODE_MODULE,
            [
                *parameter_arguments(settings.node, settings.logs / "node.yaml"),
                *("-r", f"{image}:={settings.image_topic}"),
            ],
        )
        _wait_for_node(recorder, node, spin)
        player = both.start(
            "the player",
            PLAYER_MODULE,
            parameter_arguments(
                {**PLAYER_PARAMETERS, **settings.player}, settings.logs / "player.yaml"
            ),
        )
        try:
            _record(recorder, node, player, spin, settings)
        except KeyboardInterrupt:
            if not recorder.answers.heard:
                raise
            interrupted = True
    return Replay(recorder.answers, recorder.diagnostics, recorder.legend, interrupted)


def _wait_for_node(recorder: LiveRecorder, node: Child, spin: Spin) -> None:
    def waiting() -> bool:
        node.check()
        return not recorder.node_is_ready

    if not spin_while(waiting, spin, START_TIMEOUT):
        raise OpenSetError(
            f"the node was not ready within {START_TIMEOUT:g} s: see its log {node.log}"
        )


def _record(
    recorder: LiveRecorder, node: Child, player: Child, spin: Spin, settings: ReplaySettings
) -> None:
    def playing() -> bool:
        node.check()
        progress.n = len(recorder.answers.heard)
        progress.set_postfix_str(f"{len(recorder.answers.counts)} answered", refresh=False)
        progress.refresh()
        return player.running

    def working() -> bool:
        node.check()
        return not recorder.node_is_idle(ended)

    with tqdm(
        desc="playing",
        total=settings.images,
        unit="image",
        disable=None if settings.progress else True,
    ) as progress:
        spin_while(playing, spin)
    if not player.succeeded:
        player.check()
    ended = time.monotonic()
    spin_while(working, spin, LAST_ANSWER_TIMEOUT)
    spin_while(lambda: True, spin, GRACE)
