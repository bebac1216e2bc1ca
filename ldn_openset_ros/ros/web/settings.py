"""The web view's parameters. No ROS here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WebViewSettings:
    """All are read once, at the start.

    node: full name of the node to show. host, port: where to listen; port 0 takes a free one.
    jpeg_quality: 1 to 100. max_width: of the pictures, pixels; wider ones are reduced.
    """

    node: str
    host: str
    port: int
    jpeg_quality: int
    max_width: int
