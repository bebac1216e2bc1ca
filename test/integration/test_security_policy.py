"""The security policy allows what a running node uses, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from xml.etree import ElementTree

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from peer import Peer

from ldn_openset_ros.resources import config_file

NAMESPACE, NODE = "/", "openset"
LAUNCHED = ("image:=/camera/image_raw", "camera_info:=/camera/camera_info")
"""The remappings of camera.launch.py."""

SETTLE_PERIOD = 1.0
"""Seconds without news after which all of a node is known."""

WITH_VISION_MSGS = {"/openset/detections", "/openset/label_info"}


@dataclass
class Use:
    """Full names of topics and services."""

    publish: set[str]
    subscribe: set[str]
    reply: set[str]
    request: set[str]


def full_name(name: str, profile: ElementTree.Element) -> str:
    """Resolve a name as sros2 does: `~` is the node, other relative names are in its namespace."""
    prefix = profile.get("ns").rstrip("/")
    if name.startswith("~"):
        return f"{prefix}/{profile.get('node')}{name[1:]}"
    return name if name.startswith("/") else f"{prefix}/{name}"


def allowed(profile: ElementTree.Element) -> Use:
    """Return what a profile allows."""
    use = Use(set(), set(), set(), set())
    for element in profile:
        for kind in ("publish", "subscribe", "reply", "request"):
            assert element.get(kind) in (None, "ALLOW")
            if element.get(kind):
                getattr(use, kind).update(full_name(child.text, profile) for child in element)
    return use


def used(peer: Peer, until: Iterable[str]) -> Use:
    """Return what the running node uses, once it subscribes to some topics."""

    def names(what: str) -> set[str]:
        ask = getattr(peer.node, f"get_{what}_names_and_types_by_node")
        return {name for name, _ in ask(NODE, NAMESPACE)}

    def is_up() -> bool:
        nodes = peer.node.get_node_names_and_namespaces()
        return (NODE, NAMESPACE) in nodes and names("subscriber") >= set(until)

    # Writers, readers and services of a node are told one after the other.
    peer.spin_until(is_up)
    last, now = None, ()
    while last != now:
        last = now
        peer.spin(SETTLE_PERIOD)
        now = tuple(names(kind) for kind in ("publisher", "subscriber", "service", "client"))
    return Use(*now)


def policy() -> ElementTree.Element:
    return ElementTree.parse(config_file("sros2", "openset_policy.xml")).getroot()


def for_cameras(profile: ElementTree.Element, names: Iterable[str]) -> None:
    """Change a profile as doc/security.md says: the camera's two elements for each name."""
    inputs, outputs, *_ = list(profile)
    profile.remove(inputs)
    profile.remove(outputs)
    for name in names:
        for element, old, new in (
            (inputs, "/camera/", f"/{name}/"),
            (outputs, "~/", f"~/{name}/"),
        ):
            own = ElementTree.fromstring(ElementTree.tostring(element))
            for topic in own:
                assert topic.text.startswith(old)
                topic.text = topic.text.replace(old, new, 1)
            profile.append(own)


def without_vision_msgs(names: set[str]) -> set[str]:
    return {
        name for name in names if f"/openset/{name.rpartition('/')[2]}" not in WITH_VISION_MSGS
    }


def assert_exact(profile: ElementTree.Element, use: Use) -> None:
    allow = allowed(profile)
    if find_spec("vision_msgs") is None:
        allow.publish = without_vision_msgs(allow.publish)
    assert allow == use


def test_it_is_the_policy_of_one_node_in_one_enclave():
    root = policy()
    assert (root.tag, root.attrib) == ("policy", {"version": "0.2.0"})
    (enclave,) = root.iter("enclave")
    (profile,) = root.iter("profile")
    assert enclave.attrib == {"path": "/openset"}
    assert profile.attrib == {"ns": NAMESPACE, "node": NODE}


def test_it_allows_exactly_what_the_launched_node_uses(start_module, domain, tiny_model):
    start_module("openset_node", f"model:={tiny_model}", "use_sim_time:=true", remap=LAUNCHED)
    (profile,) = policy().iter("profile")
    with Peer(domain) as peer:
        use = used(peer, ["/camera/image_raw", "/camera/camera_info"])
    assert_exact(profile, use)
    assert allowed(profile).publish >= WITH_VISION_MSGS


def test_the_topic_of_depth_is_all_that_obstacles_need_more(start_module, domain, tiny_model):
    parameters = (f"model:={tiny_model}", "use_sim_time:=true", "obstacle_source:=depth")
    start_module("openset_node", *parameters, remap=LAUNCHED)
    (profile,) = policy().iter("profile")
    profile[0].append(ElementTree.fromstring("<topic>depth</topic>"))
    with Peer(domain) as peer:
        use = used(peer, ["/camera/image_raw", "/depth"])
    assert_exact(profile, use)


def test_cameras_are_added_by_repeating_two_elements(start_module, domain, tiny_model):
    remap = [f"{c}/image:=/{c}/image_raw" for c in ("front", "rear")]
    start_module(
        "openset_node",
        f"model:={tiny_model}",
        "use_sim_time:=true",
        "cameras:=[front, rear]",
        remap=tuple(remap),
    )
    (profile,) = policy().iter("profile")
    for_cameras(profile, ["front", "rear"])
    with Peer(domain) as peer:
        use = used(peer, ["/front/image_raw", "/rear/image_raw"])
    assert_exact(profile, use)
