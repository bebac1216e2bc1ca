"""Node `openset_web`: a page with the node's pictures, state and controls, for any browser."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rclpy.exceptions import InvalidTopicNameException
from rclpy.executors import SingleThreadedExecutor
from rclpy.expand_topic_name import expand_topic_name
from rclpy.node import Node
from rclpy.task import Future
from rclpy.validate_full_topic_name import validate_full_topic_name

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.process import run_node
from ldn_openset_ros.ros.start_parameters import declare_once, warn_of_unknown
from ldn_openset_ros.ros.web.server import WebServer, listen
from ldn_openset_ros.ros.web.settings import WebViewSettings
from ldn_openset_ros.ros.web.shown_node import ShownNode

NODE_NAME = "openset_web"
CLOSE_TIMEOUT = 1.5


class WebView(Node):
    """Serve a page on an `openset` node, of this machine or another.

    The calling thread spins ROS, in `work`; the server has a thread of its own (`web/server.py`).
    Nothing is subscribed to, and so computed, for pictures that nobody looks at.
    """

    def __init__(self, **node_arguments: Any) -> None:
        """Listen; raises OpenSetError, with the remedy, where that fails."""
        super().__init__(NODE_NAME, **node_arguments)
        self.settings = _read_settings(self)
        warn_of_unknown(self)
        self._listener = listen(self.settings.host, self.settings.port)
        self._ended = Future()
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self)
        self._shown = ShownNode(self, self._executor, self.settings.node)
        self._server = WebServer(self._listener, self._shown, self.settings, self._end)

    @property
    def url(self) -> str:
        """Where the page is."""
        host, port = self.settings.host, self._listener.getsockname()[1]
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def work(self) -> None:
        """Serve until the process is told to end; raises what the server failed of."""
        self._shown.follow(*self._server.start())
        self.get_logger().info(f"web view of {self.settings.node} at {self.url}")
        self._executor.spin_until_future_complete(self._ended)
        if self._ended.done():
            self._ended.result()

    def close(self) -> bool:
        """End the server and leave the network; return False where the server still works."""
        ended = self._server.close(CLOSE_TIMEOUT)
        if ended:
            self._executor.shutdown()
            self.destroy_node()
        return ended

    def _end(self, error: Exception | None) -> None:
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM; return the exit code (1: it could not start)."""
    return run_node(NODE_NAME, WebView, WebView.work, args)


def _read_settings(node: Node) -> WebViewSettings:
    name = declare_once(node, "node", "/openset", "the name of the node to show")
    return WebViewSettings(
        node=_full_name(node, name),
        host=declare_once(
            node, "host", "127.0.0.1", "the address to listen on ('0.0.0.0' = on all)"
        ),
        port=declare_once(node, "port", 8080, "the port, 0 for any free one", (0, 65535)),
        jpeg_quality=declare_once(node, "jpeg_quality", 80, "the pictures' quality", (1, 100)),
        max_width=declare_once(
            node, "max_width", 1280, "the pictures' largest width in pixels", (16, 8192)
        ),
    )


def _full_name(node: Node, name: str) -> str:
    """Complete a node's name by the namespace of `node`, as names of topics are."""
    try:
        full = expand_topic_name(name, node.get_name(), node.get_namespace())
        validate_full_topic_name(full)
    except (InvalidTopicNameException, ValueError) as error:
        raise OpenSetError(f"parameter node is {name!r}: give a name such as /openset") from error
    return full


if __name__ == "__main__":
    sys.exit(main())
