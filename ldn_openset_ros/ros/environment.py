"""The environment that large images need on their way through DDS."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ldn_openset_ros.resources import config_file

PROFILES_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
CHOSEN_BY_USER = (
    PROFILES_VARIABLE,
    "FASTRTPS_DEFAULT_PROFILES_FILE",  # its name before Fast DDS 2.14
    "FASTDDS_BUILTIN_TRANSPORTS",  # would be overruled by our profile
)


def fast_dds_profile(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variable that makes Fast DDS carry large best-effort images.

    Its defaults lose nearly all of them (DESIGN, measured facts). Empty where `base` shows that
    the user already chose a profile or transports. Other middlewares ignore the variable.
    """
    if any(base.get(name) for name in CHOSEN_BY_USER):
        return {}
    return {PROFILES_VARIABLE: str(config_file("fastdds_large_images.xml"))}


def ros_environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return `base` with the Fast DDS profile for large images, for a process to start in."""
    return {**base, **fast_dds_profile(base)}
