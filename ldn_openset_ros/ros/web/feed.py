"""The newest picture of a topic for everyone who looks at it. No ROS here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ldn_openset_ros.errors import OpenSetError


class Feed:
    """Hand out the newest message as a JPEG, encoded once for all and only where one waits.

    Belongs to an event loop: all of it is called there. Encoding runs in a thread beside it.
    """

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        """Start without a message.

        encode: makes the JPEG of a message; an OpenSetError of it is kept as `problem`.
        """
        self.clients = 0
        self.problem = ""
        self._encode = encode
        self._message: Any = None
        self._count = 0
        self._encoded = 0
        self._encoding: asyncio.Task[bytes] | None = None
        self._arrived = asyncio.Event()
        self._last = 0.0

    def put(self, message: Any) -> None:
        """Replace the message by a newer one."""
        self._message = message
        self._count += 1
        self._last = asyncio.get_running_loop().time()
        self._arrived.set()
        self._arrived = asyncio.Event()

    def age(self) -> float | None:
        """Return the seconds since the newest message came; None where there was none."""
        return asyncio.get_running_loop().time() - self._last if self._count else None

    async def newest(self, seen: int) -> tuple[int, bytes]:
        """Wait until there are more than `seen` messages; return how many, and the last as JPEG.

        What cannot be encoded is passed over.
        """
        while True:
            while self._count <= seen:
                await self._arrived.wait()
            seen = self._count
            try:
                # Shielded, since others may wait for the same picture.
                picture = await asyncio.shield(self._encode_once())
            except OpenSetError as error:
                self.problem = str(error)
                continue
            self.problem = ""
            return seen, picture

    def _encode_once(self) -> asyncio.Task[bytes]:
        if self._encoding is None or self._encoded != self._count:
            self._encoded = self._count
            work = asyncio.to_thread(self._encode, self._message)
            self._encoding = asyncio.create_task(work)
        return self._encoding
