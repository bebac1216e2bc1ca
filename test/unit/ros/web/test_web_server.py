"""Where the server listens, and what it says where it cannot."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.web.server import FILES, PAGE, listen


def test_port_zero_takes_a_free_one_on_the_given_address():
    with listen("127.0.0.1", 0) as listener:
        address, port = listener.getsockname()
        assert address == "127.0.0.1"
        assert port > 0
        with socket.create_connection((address, port)):
            pass


def test_a_port_in_use_is_named():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(OpenSetError, match=f"127.0.0.1, port {port}: .*in use.*give another"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7", "a" * 70, ""])
def test_an_address_of_no_machine_or_of_another_is_named(host):
    with pytest.raises(OpenSetError, match=r"give another parameter port .* or host"):
        listen(host, 0)


def test_the_page_loads_nothing_from_elsewhere():
    for name in FILES.values():
        text = (PAGE / name).read_text()
        foreign = text.replace("http://www.w3.org/2000/svg", "")
        assert "//" not in foreign.replace("// ", ""), name
    assert "style=" not in (PAGE / "index.html").read_text()
    assert {path.name for path in PAGE.iterdir()} == set(FILES.values())


def test_the_web_view_starts_without_torch():
    code = "import sys, ldn_openset_ros.ros.web_view; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
