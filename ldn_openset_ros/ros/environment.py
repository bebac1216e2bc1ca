"""The environment that large images need on their way through DDS. No ROS here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ldn_openset_ros.resources import config_file
from ldn_openset_ros.ros.shared_memory import free_shared_memory

PROFILES_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
OLD_PROFILES_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"
DISTRIBUTIONS_WITH_FAST_DDS_2 = ("humble", "iron", "jazzy")
"""They know the old name alone; later ones warn of it (rmw_fastrtps pull request 806)."""

CHOSEN_BY_USER = (
    PROFILES_VARIABLE,
    OLD_PROFILES_VARIABLE,
    "FASTDDS_BUILTIN_TRANSPORTS",  # would be overruled by our profile
)

PROCESSES = 4
"""That share the machine's shared memory at the least: camera, node, web view, RViz."""


@dataclass(frozen=True)
class Profile:
    """A Fast DDS profile: its file in `config/`, and the MiB of shared memory for images."""

    file: str
    mebibytes: int

    @property
    def taken(self) -> int:
        """The bytes that a process takes with it, at its start and in full.

        Fast DDS adds 4.7 % and two thirds of a megabyte (measured).
        """
        return int(self.mebibytes * 1.05 * 2**20) + 2**20


LARGE = Profile("fastdds_large_images.xml", 64)
SMALL = Profile("fastdds_large_images_16mib.xml", 16)


def choose_profile(free: int | None) -> Profile:
    """Return the profile for so many bytes of free shared memory; None: nobody knows.

    Fast DDS goes on without shared memory where its segment finds no room, and then loses most
    images. So the large one is only for a machine that has it for all of PROCESSES.
    """
    return LARGE if free is None or free >= PROCESSES * LARGE.taken else SMALL


def profiles_variable(base: Mapping[str, str] = os.environ) -> str:
    """Return the name by which Fast DDS is told of a profile."""
    distribution = base.get("ROS_DISTRO")
    if distribution:
        old = distribution in DISTRIBUTIONS_WITH_FAST_DDS_2
    else:  # wheels set none
        try:
            old = version("ros-fastrtps").startswith("2.")
        except PackageNotFoundError:
            old = False
    return OLD_PROFILES_VARIABLE if old else PROFILES_VARIABLE


def fast_dds_profile(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variable that makes Fast DDS carry large best-effort images.

    Its defaults lose nearly all of them. Empty where `base` shows that the user already chose a
    profile or transports. Other middlewares ignore the variable.
    """
    if any(base.get(name) for name in CHOSEN_BY_USER):
        return {}
    profile = choose_profile(free_shared_memory())
    return {profiles_variable(base): str(config_file(profile.file))}


def ros_environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return `base` with the Fast DDS profile for large images, for a process to start in."""
    return {**base, **fast_dds_profile(base)}


def shared_memory_note(
    base: Mapping[str, str], middleware: str, free: int | None
) -> tuple[bool, str]:
    """Return whether our profile finds room in `free` bytes, and a line that tells about it.

    middleware: identifier of the one in use, such as rmw_fastrtps_cpp. The line is empty where it
    is another, where the profile is the user's own, and where nobody knows what is free.
    """
    file = Path(base.get(profiles_variable(base), "")).name
    profile = next((known for known in (LARGE, SMALL) if known.file == file), None)
    if profile is None or free is None or not is_fast_dds(middleware):
        return True, ""
    has = f"/dev/shm has {free / 2**20:.0f} MiB free"
    if free < profile.taken:
        return False, (
            f"{has} and this process needs {profile.taken / 2**20:.0f} for images, most of which "
            "will be lost: make room, or start the container with --shm-size=256m"
        )
    return True, f"images pass through {profile.mebibytes} MiB of shared memory; {has}"


def lost_messages_remedy(topic: str, middleware: str, base: Mapping[str, str] = os.environ) -> str:
    """Return what to do where messages of a topic are lost on their way here."""
    first = f"make room for large messages in {middleware}"
    if is_fast_dds(middleware):
        name = profiles_variable(base)
        file = base.get(name) or config_file(LARGE.file)
        first = f"start what publishes it with {name}={file}"
    return f"{first}, or set our qos_overrides.{topic}.subscription.reliability to reliable"


def is_fast_dds(middleware: str) -> bool:
    """Tell from the identifier of a middleware."""
    return "fastrtps" in middleware
