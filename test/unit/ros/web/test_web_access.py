"""Who may ask for what: own names, own pages, JSON."""

from __future__ import annotations

import pytest

from ldn_openset_ros.ros.web.access import is_own_host, refusal

JSON = "application/json"


def refused(method="GET", content_type="", address="127.0.0.1", host="127.0.0.1", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal(method, {"Host": "localhost:8080", **named}, content_type, host, address)


@pytest.mark.parametrize(
    "named",
    ["localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:80", "127.8.9.10", "[::1]:8080"],
)
def test_loopback_is_always_meant(named):
    assert is_own_host(named, "0.0.0.0", "10.0.0.7")


def test_the_configured_name_and_the_address_of_the_connection_are_meant():
    assert is_own_host("Robot.local:8080", "robot.LOCAL", "10.0.0.7")
    assert is_own_host("10.0.0.7:8080", "0.0.0.0", "10.0.0.7")
    assert is_own_host("[fe80::1]:8080", "::", "fe80::1")
    assert not is_own_host("10.0.0.8:8080", "0.0.0.0", "10.0.0.7")
    assert not is_own_host("robot.local:8080", "127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize(
    "named",
    [
        "",
        ":8080",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example@127.0.0.1",
        "localhost/evil",
        "localhost#evil",
        "localhost:port",
        "[::1",
        "[evil]",
    ],
)
def test_other_names_are_not_ours(named):
    assert not is_own_host(named, "127.0.0.1", "127.0.0.1")


def test_pages_of_its_own_are_allowed():
    assert refused() == ""
    assert refused(Origin="http://localhost:8080", Sec_Fetch_Site="same-origin") == ""
    assert refused("POST", JSON, Origin="http://localhost:8080") == ""
    assert refused("POST", JSON) == ""  # curl sends no Origin


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "http://localhost:3000", "https://localhost:8080"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_foreign_origins_are_refused(method, origin):
    assert "other pages" in refused(method, JSON, Origin=origin)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pictures_in_foreign_pages_are_refused_and_links_to_the_page_are_not(site):
    assert "other pages" in refused(Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")
    assert refused(Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate") == ""
    assert refused(Sec_Fetch_Site="none", Sec_Fetch_Mode="navigate") == ""


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_what_a_form_could_send_is_no_change(content_type):
    assert refused("POST", content_type) == "a change is sent as application/json"


def test_a_rebound_name_is_refused_whatever_the_origin_says():
    reason = refused(Host="evil.example:8080", Origin="http://evil.example:8080")
    assert "localhost" in reason
