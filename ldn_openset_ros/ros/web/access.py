"""Who may ask the web view for what. No ROS here.

A browser runs foreign pages too. They must neither reach the view under a name of their own (DNS
rebinding) nor change the node by requests of theirs (cross-site request forgery).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Of every answer: nothing from elsewhere runs in the page, nothing of it is used elsewhere."""


def refusal(
    method: str, headers: Mapping[str, str], content_type: str, host: str, address: str
) -> str:
    """Return why a request is refused, in one line; empty where it is allowed.

    headers: names in any case where the mapping knows no case. content_type: without parameters.
    host: the name or address that the view was told to listen on. address: the one at which the
    request arrived.
    """
    named = headers.get("Host", "")
    if not is_own_host(named, host, address):
        return "this view answers to localhost and to the parameter host alone"
    origin = headers.get("Origin")
    if origin is not None and origin != f"http://{named}":
        return "requests of other pages are refused"
    # Pictures and scripts of foreign pages carry no Origin; following a link to the view is fine.
    foreign = headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    if foreign and headers.get("Sec-Fetch-Mode") != "navigate":
        return "requests of other pages are refused"
    if method == "POST" and content_type != "application/json":
        return "a change is sent as application/json"
    return ""


def is_own_host(named: str, host: str, address: str) -> bool:
    """Return whether a Host header means this machine's loopback, `host` or `address`.

    An address cannot be rebound, so the one at which the request arrived is as good as its name.
    """
    try:
        parts = urlsplit(f"//{named}")
        name, _ = parts.hostname, parts.port  # the port only has to be a number
    except ValueError:
        return False
    if not name or parts.netloc != named or parts.username is not None:
        return False
    if name in ("localhost", host.lower(), address.lower()):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
