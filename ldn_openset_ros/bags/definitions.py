"""Message types of a bag, from the definitions that it holds."""

from __future__ import annotations

from collections.abc import Iterable

from rosbags.typesys import (
    Stores,
    TypesysError,
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
)
from rosbags.typesys.store import Typestore

from ldn_openset_ros.bags.storage import Channel

_IDL_RULER = "=" * 80 + "\n"


def read_types(channels: Iterable[Channel]) -> Typestore:
    """Return the types of all channels that can be had.

    Types without a definition in the bag (older than ROS 2 Iron, sqlite3), or with one that cannot
    be parsed, are those of Jazzy; one that Jazzy does not know is absent.
    """
    channels = tuple(channels)
    types = {}
    for channel in channels:
        try:
            types.update(_parse(channel))
        except TypesysError:
            continue
    store = get_typestore(Stores.EMPTY)
    store.register(types)
    if any(channel.type not in types for channel in channels):
        jazzy = get_typestore(Stores.ROS2_JAZZY).fielddefs
        store.register({name: fields for name, fields in jazzy.items() if name not in types})
    return store


def _parse(channel: Channel) -> dict:
    if channel.language == "ros2msg":
        return get_types_from_msg(channel.definition, channel.type)
    if channel.language not in ("ros2idl", "omgidl"):
        return {}
    if not channel.definition.startswith(f"{_IDL_RULER}IDL: "):
        return get_types_from_idl(channel.definition)
    types = {}
    for part in channel.definition.split(_IDL_RULER)[1:]:
        types.update(get_types_from_idl(part.partition("\n")[2]))
    return types
