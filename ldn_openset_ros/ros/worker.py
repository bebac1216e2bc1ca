"""The thread that does the slow work, so that the executor stays free to receive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic

from ldn_openset_ros.ros.mailbox import Item, Mailbox


class Worker(Generic[Item]):
    """Run `work` on the newest items of its mailbox, in a thread of its own.

    An exception goes to `on_error` with the items it belongs to, and the next items follow.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], None],
        on_error: Callable[[list[Item], Exception], None],
        on_discard: Callable[[Item], None],
        limit: int = 1,
    ) -> None:
        """Prepare it.

        on_discard: takes items that will not be worked on, since the worker stops. limit: items
        worked on at once, each of another sender.
        """
        self._work = work
        self._on_error = on_error
        self._on_discard = on_discard
        self._stopping = False
        self._since: float | None = None
        self._mailbox: Mailbox[Item] = Mailbox(limit)
        # A daemon, so that work that hangs cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="openset_worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, sender: Hashable, item: Item) -> bool:
        """Hand in an item; return whether it replaced one of the sender that was still waiting.

        From the thread that calls `stop`; after that, items are discarded.
        """
        if self._stopping:
            self._on_discard(item)
            return False
        return self._mailbox.put(sender, item)

    def stop(self, timeout: float) -> bool:
        """Finish the items at hand and end the thread; return False if it took over `timeout` s.

        Items that still wait are discarded. Stopping again, or before the start, is allowed.
        """
        self._stopping = True
        for item in self._mailbox.close():
            self._on_discard(item)
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def resume(self) -> bool:
        """Go on after a `stop` that took too long; return False where the thread has ended."""
        self._stopping = not self._mailbox.reopen()
        return not self._stopping

    def busy_for(self) -> float:
        """Return for how many seconds the items at hand have been worked on; 0 without any."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def _run(self) -> None:
        for items in self._mailbox:
            self._since = time.monotonic()
            try:
                self._work(items)
            except Exception as error:
                self._on_error(items, error)
            self._since = None
