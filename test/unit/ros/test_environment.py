from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from ldn_openset_ros.ros.environment import CHOSEN_BY_USER, fast_dds_profile, ros_environment

NAMESPACE = {"dds": "http://www.eprosima.com"}


def test_the_profile_is_added_to_the_environment():
    environment = ros_environment({"PATH": "/bin", "RMW_IMPLEMENTATION": "rmw_x"})
    profile = environment.pop("FASTDDS_DEFAULT_PROFILES_FILE")
    assert environment == {"PATH": "/bin", "RMW_IMPLEMENTATION": "rmw_x"}
    assert Path(profile).name == "fastdds_large_images.xml"


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


def test_the_profile_has_large_shared_memory_beside_udp():
    root = ElementTree.parse(fast_dds_profile({})["FASTDDS_DEFAULT_PROFILES_FILE"]).getroot()
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
    assert int(segment) == 64 * 1024**2
