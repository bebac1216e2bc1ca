"""A one-slot mailbox between threads: the newest item replaces one that nobody took yet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Hand items from any thread to one consumer, which iterates until the mailbox is closed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._slot: list[Item] = []
        self._closed = False

    def put(self, item: Item) -> bool:
        """Leave an item without ever waiting; return whether it replaced an older one."""
        with self._changed:
            replaced = bool(self._slot)
            self._slot[:] = [item]
            self._changed.notify()
            return replaced

    def close(self) -> None:
        """End the consumer's iteration; an item that still waits is not handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        """Wait for items and yield them until `close`."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._slot or self._closed)
                if self._closed:
                    return
                item = self._slot.pop()
            yield item
