"""A thread that ends what another has begun, in order, while that one goes on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

LIMIT = 8
"""Tasks that may wait: two frames' maps. Whoever hands over more waits, so that none pile up."""

Task = Callable[[], None]


class Handover:
    """Run tasks one after the other in a thread of its own; they deal with their errors."""

    def __init__(self, name: str) -> None:
        """Start the thread."""
        self._tasks: queue.Queue[Task | None] = queue.Queue(LIMIT)
        # A daemon, so that a task that hangs cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, task: Task) -> None:
        """Hand over a task; from the thread that does so always."""
        self._tasks.put(task)

    def stop(self, timeout: float) -> bool:
        """End the thread after the tasks at hand; return False if it took over `timeout` s.

        After the last `put`. Stopping again is allowed.
        """
        if self._thread.is_alive():
            try:
                self._tasks.put(None, timeout=timeout)
            except queue.Full:
                return False
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
