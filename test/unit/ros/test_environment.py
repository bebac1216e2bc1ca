from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from ldn_openset_ros.resources import config_file
from ldn_openset_ros.ros import environment as module
from ldn_openset_ros.ros.environment import (
    CHOSEN_BY_USER,
    LARGE,
    SMALL,
    choose_profile,
    fast_dds_profile,
    lost_messages_remedy,
    profiles_variable,
    ros_environment,
    shared_memory_note,
)

NAMESPACE = {"dds": "http://www.eprosima.com"}
MIB = 2**20
FAST_DDS = "rmw_fastrtps_cpp"


def test_the_profile_is_added_to_the_environment():
    environment = ros_environment({"PATH": "/bin", "RMW_IMPLEMENTATION": "rmw_x"})
    profile = environment.pop(profiles_variable({}))
    assert environment == {"PATH": "/bin", "RMW_IMPLEMENTATION": "rmw_x"}
    assert Path(profile) in (config_file(LARGE.file), config_file(SMALL.file))


@pytest.mark.parametrize("variable", CHOSEN_BY_USER)
def test_the_users_choice_stays(variable):
    chosen = {variable: "mine"}
    assert fast_dds_profile(chosen) == {}
    assert ros_environment(chosen) == chosen


@pytest.mark.parametrize(
    ("distribution", "variable"),
    [
        ("humble", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("jazzy", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("kilted", "FASTDDS_DEFAULT_PROFILES_FILE"),
        ("rolling", "FASTDDS_DEFAULT_PROFILES_FILE"),
    ],
)
def test_the_variable_has_the_name_that_the_distribution_knows(distribution, variable):
    assert set(fast_dds_profile({"ROS_DISTRO": distribution})) == {variable}


def test_an_empty_variable_is_no_choice():
    assert fast_dds_profile({"FASTDDS_DEFAULT_PROFILES_FILE": ""})


@pytest.mark.parametrize(
    ("installed", "variable"),
    [
        ("2.14.5", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("3.2.3", "FASTDDS_DEFAULT_PROFILES_FILE"),
        (None, "FASTDDS_DEFAULT_PROFILES_FILE"),
    ],
)
def test_wheels_tell_no_distribution_but_their_version(monkeypatch, installed, variable):
    def version(package):
        if installed is None:
            raise module.PackageNotFoundError(package)
        assert package == "ros-fastrtps"
        return installed

    monkeypatch.setattr(module, "version", version)
    assert profiles_variable({}) == variable
    assert set(fast_dds_profile({})) == {variable}


@pytest.mark.parametrize(
    ("free", "profile"),
    [
        (None, LARGE),
        (24 * 2**30, LARGE),
        (273 * MIB, LARGE),
        (272 * MIB, SMALL),
        (64 * MIB, SMALL),
        (0, SMALL),
    ],
)
def test_the_large_segment_is_for_machines_with_room_for_four(monkeypatch, free, profile):
    assert choose_profile(free) is profile
    monkeypatch.setattr(module, "free_shared_memory", lambda: free)
    assert [*fast_dds_profile({}).values()] == [str(config_file(profile.file))]


def test_what_was_chosen_is_told():
    base = {profiles_variable({}): str(config_file(SMALL.file))}
    assert shared_memory_note(base, FAST_DDS, 64 * MIB) == (
        True,
        "images pass through 16 MiB of shared memory; /dev/shm has 64 MiB free",
    )
    base = {profiles_variable({}): str(config_file(LARGE.file))}
    fits, line = shared_memory_note(base, FAST_DDS, 300 * MIB)
    assert fits
    assert "through 64 MiB" in line


def test_memory_that_is_too_small_is_told_with_the_remedy():
    base = {profiles_variable({}): str(config_file(SMALL.file))}
    assert shared_memory_note(base, FAST_DDS, 17 * MIB) == (
        False,
        "/dev/shm has 17 MiB free and this process needs 18 for images, most of which will be "
        "lost: make room, or start the container with --shm-size=256m",
    )


@pytest.mark.parametrize(
    ("profile", "middleware", "free"),
    [
        (config_file(SMALL.file), "rmw_cyclonedds_cpp", 0),
        (config_file(SMALL.file), FAST_DDS, None),
        ("/home/me/mine.xml", FAST_DDS, 0),
        ("", FAST_DDS, 0),
    ],
)
def test_nothing_is_told_of_what_is_not_ours(profile, middleware, free):
    base = {profiles_variable({}): str(profile)}
    assert shared_memory_note(base, middleware, free) == (True, "")


def test_the_remedy_for_lost_messages_names_the_profile_and_the_override():
    base = {"ROS_DISTRO": "jazzy", "FASTRTPS_DEFAULT_PROFILES_FILE": "/a.xml"}
    assert lost_messages_remedy("/image", FAST_DDS, base) == (
        "start what publishes it with FASTRTPS_DEFAULT_PROFILES_FILE=/a.xml, or set our "
        "qos_overrides./image.subscription.reliability to reliable"
    )
    assert str(config_file(LARGE.file)) in lost_messages_remedy("/image", FAST_DDS, {})
    assert lost_messages_remedy("/image", "rmw_zenoh_cpp", base).startswith(
        "make room for large messages in rmw_zenoh_cpp, or set our qos_overrides./image."
    )


@pytest.mark.parametrize("profile", [LARGE, SMALL])
def test_a_profile_has_large_shared_memory_beside_udp(profile):
    root = ElementTree.parse(config_file(profile.file)).getroot()
    descriptors = {
        entry.findtext("dds:transport_id", None, NAMESPACE): entry
        for entry in root.iterfind(".//dds:transport_descriptor", NAMESPACE)
    }
    participant = root.find(".//dds:participant", NAMESPACE)
    assert participant.get("is_default_profile") == "true"
    assert participant.findtext(".//dds:useBuiltinTransports", None, NAMESPACE) == "false"
    used = participant.findall(".//dds:userTransports/dds:transport_id", NAMESPACE)
    kinds = [descriptors[entry.text].findtext("dds:type", None, NAMESPACE) for entry in used]
    assert kinds == ["SHM", "UDPv4"]
    segment = descriptors[used[0].text].findtext("dds:segment_size", None, NAMESPACE)
    assert int(segment) == profile.mebibytes * MIB


def test_the_profiles_differ_in_the_segment_alone():
    large, small = (config_file(p.file).read_text().splitlines() for p in (LARGE, SMALL))
    differing = [pair for pair in zip(large, small, strict=True) if pair[0] != pair[1]]
    assert len(differing) == 1
    assert "<segment_size>" in differing[0][0]
