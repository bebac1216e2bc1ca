"""What a scenario's node must show: states, parameters, pixels, headers, diagnostics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from peer import Peer
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from scenarios import Scenario
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.images import decode_float, decode_map, image_message

HEIGHT, WIDTH = 48, 64
MAPS = ("labels", "outlier_probability", "open_set")
ROUNDING = 1e-5
"""Of probabilities whose frames went through the network with others."""


def check_scenario(scenario: Scenario, model: Path) -> None:
    """Watch a started node, lead it where it is managed, and send it frames of every camera."""
    with Peer() as peer:
        if scenario.managed:
            assert state(peer, scenario) == State.PRIMARY_STATE_UNCONFIGURED
            change_state(peer, scenario, Transition.TRANSITION_CONFIGURE)
            assert state(peer, scenario) == State.PRIMARY_STATE_INACTIVE
            change_state(peer, scenario, Transition.TRANSITION_ACTIVATE)
        assert state(peer, scenario) == State.PRIMARY_STATE_ACTIVE
        check_parameters(peer, scenario)
        check_frames(peer, scenario, model)
        check_diagnostics(peer, scenario)
        if scenario.managed:
            change_state(peer, scenario, Transition.TRANSITION_DEACTIVATE)
            assert state(peer, scenario) == State.PRIMARY_STATE_INACTIVE


def state(peer: Peer, scenario: Scenario) -> int:
    """Return the id of the node's state."""
    return peer.call(GetState, f"{scenario.node}/get_state", GetState.Request()).current_state.id


def change_state(peer: Peer, scenario: Scenario, transition: int) -> None:
    """Lead the node through a transition, which must succeed."""
    request = ChangeState.Request(transition=Transition(id=transition))
    assert peer.call(ChangeState, f"{scenario.node}/change_state", request).success


def check_parameters(peer: Peer, scenario: Scenario) -> None:
    """Parameters have the values and the types that the scenario names."""
    client = AsyncParameterClient(peer.node, scenario.node)
    peer.spin_until(client.services_are_ready)
    future = client.get_parameters(list(scenario.parameters))
    peer.spin_until(future.done)
    for (name, value), got in zip(
        scenario.parameters.items(), future.result().values, strict=True
    ):
        assert got == Parameter(name, value=value).to_parameter_msg().value, name


def check_frames(peer: Peer, scenario: Scenario, model: Path) -> None:
    """Every camera's maps are those of its own frame, and have its header."""
    sent, steps, received = [], [], []
    for number, camera in enumerate(scenario.cameras):
        rgb = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        header = Header(frame_id=f"{camera.name}_optical_frame")
        header.stamp.sec, header.stamp.nanosec = 1234 + number, 5678
        image = image_message(Image, rgb, "rgb8", header)
        info = CameraInfo(header=header, height=HEIGHT, width=WIDTH)
        info.k = [50.0 + number, 0.0, 31.5, 0.0, 50.0, 23.5, 0.0, 0.0, 1.0]
        sent.append((rgb, info))
        steps.append((peer.node.create_publisher(Image, camera.image, 1), image))
        steps.append((peer.node.create_publisher(CameraInfo, camera.camera_info, 1), info))
        maps = [peer.images(f"{camera.outputs}/{name}") for name in MAPS]
        received.append((*maps, peer.messages(CameraInfo, f"{camera.outputs}/camera_info")))

    def send() -> None:
        for publisher, message in steps:
            publisher.publish(message)

    peer.spin_until(lambda: all(all(messages) for messages in received), send)
    own = dict(scenario.decision)
    predictor = Predictor.load(model, device="cpu", resolution=own.pop("resolution", None))
    for (rgb, info), answers in zip(sent, received, strict=True):
        expected = predictor.decide(predictor.infer(rgb), **own)
        labels, outlier, open_set, answered_info = (messages[-1] for messages in answers)
        for image in (labels, outlier, open_set):
            assert image.header == info.header
            assert (image.height, image.width) == (HEIGHT, WIDTH)
        np.testing.assert_array_equal(decode_map(labels), expected.labels)
        np.testing.assert_allclose(decode_float(outlier), expected.outlier, atol=ROUNDING)
        np.testing.assert_array_equal(decode_map(open_set), expected.open_set)
        assert answered_info == info


def check_diagnostics(peer: Peer, scenario: Scenario) -> None:
    """Every camera has a status of its own, which tells its topic and counts its frames."""
    arrays = peer.messages(DiagnosticArray, "/diagnostics")

    def topics() -> dict[str, str]:
        values = {
            status.name: {entry.key: entry.value for entry in status.values}
            for status in (arrays[-1].status if arrays else ())
        }
        return {
            name: own["topic"]
            for name, own in values.items()
            if int(own.get("frames_processed", "0"))
        }

    node = scenario.node.lstrip("/")
    expected = {f"{node}: {camera.name}": camera.image for camera in scenario.cameras}
    peer.spin_until(lambda: topics() == expected)
