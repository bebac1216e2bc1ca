"""The thread that does the slow work, so that the executor stays free to receive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic

from ldn_openset_ros.ros.mailbox import Item, Mailbox


class Worker(Generic[Item]):
    """Run `work` on the newest item of its mailbox, one at a time, in a thread of its own.

    An exception goes to `on_error` with the item it belongs to, and the next item follows.
    """

    def __init__(
        self, work: Callable[[Item], None], on_error: Callable[[Item, Exception], None]
    ) -> None:
        self._work = work
        self._on_error = on_error
        self._mailbox: Mailbox[Item] = Mailbox()
        # A daemon, so that work that hangs cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="openset_worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, item: Item) -> bool:
        """Hand in an item; return whether it replaced one that was still waiting."""
        return self._mailbox.put(item)

    def stop(self, timeout: float) -> bool:
        """Finish the item at hand and end the thread; return False if that took over `timeout` s.

        Items that still wait are discarded. Stopping again, or before the start, is allowed.
        """
        self._mailbox.close()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        for item in self._mailbox:
            try:
                self._work(item)
            except Exception as error:
                self._on_error(item, error)
