"""The environment that large images need on their way through DDS."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ldn_openset_ros.resources import config_file

PROFILES_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
OLD_PROFILES_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
DISTRIBUTIONS_WITH_FAST_DDS_2 = ("humble", "iron", "jazzy")
"""They know the old name alone; later ones warn of it (rmw_fastrtps pull request 806)."""

CHOSEN_BY_USER = (
    PROFILES_VARIABLE,
    OLD_PROFILES_VARIABLE,
    "FASTDDS_BUILTIN_TRANSPORTS",  # would be overruled by our profile
)


def fast_dds_profile(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variable that makes Fast DDS carry large best-effort images.

    Its defaults lose nearly all of them (DESIGN, measured facts). Empty where `base` shows that
    the user already chose a profile or transports. Other middlewares ignore the variable.
    """
    if any(base.get(name) for name in CHOSEN_BY_USER):
        return {}
    old = base.get("ROS_DISTRO") in DISTRIBUTIONS_WITH_FAST_DDS_2
    name = OLD_PROFILES_VARIABLE if old else PROFILES_VARIABLE
    return {name: str(config_file("fastdds_large_images.xml"))}


def ros_environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return `base` with the Fast DDS profile for large images, for a process to start in."""
    return {**base, **fast_dds_profile(base)}
