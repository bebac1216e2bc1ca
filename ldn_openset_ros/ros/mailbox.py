"""A mailbox between threads with one slot a sender: a newer item replaces one that still waits."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Hand items from any thread to one consumer, which iterates until the mailbox is closed.

    Senders are served in the order in which they began to wait. So they take turns where all of
    them always have an item, and a fast one takes nothing from a slow one.
    """

    def __init__(self, limit: int = 1) -> None:
        """`limit`: items that are handed out at once, each of another sender."""
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: dict[Hashable, Item] = {}
        self._closed = False
        self._left = False

    def put(self, sender: Hashable, item: Item) -> bool:
        """Leave an item without ever waiting; return whether it replaced one of the sender."""
        with self._changed:
            replaced = sender in self._waiting
            self._waiting[sender] = item  # a sender that waits already keeps its place
            self._changed.notify()
            return replaced

    def close(self) -> list[Item]:
        """End the consumer's iteration; return the items that wait and are not handed out."""
        with self._changed:
            self._closed = True
            items = list(self._waiting.values())
            self._waiting.clear()
            self._changed.notify_all()
            return items

    def reopen(self) -> bool:
        """Undo `close`; return False where the consumer has ended its iteration by then."""
        with self._changed:
            self._closed = self._left
            return not self._left

    def __iter__(self) -> Iterator[list[Item]]:
        """Wait for items and yield up to `limit` of them at once, until `close`."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    self._left = True
                    return
                senders = list(self._waiting)[: self._limit]
                items = [self._waiting.pop(sender) for sender in senders]
            yield items
