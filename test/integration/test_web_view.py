"""The web view as a process beside a real node: pictures, controls, and who may not."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: install ROS 2 or its wheels")

from bench import LATCHED, RELIABLE, TIMEOUT, wait_for
from browser import LEAST_CONTRAST, TEXT_COLOURS, contrast, luminance
from sensor_msgs.msg import Image
from std_msgs.msg import String

from ldn_openset_ros.inference.overlay import blend_overlay, colourise, heat_map
from ldn_openset_ros.inference.predictor import Predictor
from ldn_openset_ros.ros.web.server import MAX_BODY, MAX_STREAMS
from ldn_openset_ros.taxonomy import load_taxonomy

HEIGHT, WIDTH = 64, 96
PROMPT = 5.0
"""Seconds within which the view ends after a signal: less than one on a quiet machine."""


@pytest.fixture
def rgb():
    """A picture in which the small network sees several classes and a range of scores."""
    blocks = np.random.default_rng(3).integers(0, 256, (4, 6, 3)).astype(np.uint8)
    return cv2.resize(blocks, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


class View:
    """A web view that runs, and requests to it."""

    def __init__(self, process):
        self.process = process
        for line in process.stderr:
            if "web view of" in line:
                break
        else:
            pytest.fail("the web view did not start")
        self.url = line.split(" at ")[1].strip()
        self.host = urlsplit(self.url).netloc

    @contextmanager
    def request(self, method, path, body=None, **headers):
        """Yield the response; names of headers are written with _."""
        connection = http.client.HTTPConnection(self.host, timeout=TIMEOUT)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        yield response
        # The response holds the socket as well as the connection.
        response.close()
        connection.close()

    def get(self, path, **headers):
        with self.request("GET", path, **headers) as response:
            return response.status, response.read()

    def post(self, path, value, **headers):
        headers = {"Content_Type": "application/json", **headers}
        with self.request("POST", path, json.dumps(value), **headers) as response:
            return response.status, json.loads(response.read())

    def set(self, name, value, **headers):
        return self.post("/parameters", {"name": name, "value": value}, **headers)

    def state(self, **query):
        words = "&".join(f"{key}={value}" for key, value in query.items())
        status, body = self.get(f"/state?{words}")
        assert status == 200
        return json.loads(body)

    def wait_for_cameras(self, *cameras):
        wait_for(lambda: self.state()["cameras"] == list(cameras), "cameras")

    @contextmanager
    def stream(self, query=""):
        """Yield the function that reads the next picture of a stream, as RGB."""
        with self.request("GET", f"/stream?{query}") as response:
            assert response.status == 200
            kind = response.headers["Content-Type"]
            assert kind == "multipart/x-mixed-replace; boundary=picture"
            head = [b"--picture\r\n", b"Content-Type: image/jpeg\r\n", b"\r\n"]
            assert [response.readline() for _ in head] == head

            def read():
                data = b""
                while not data.endswith(head[0]):
                    line = response.readline()
                    assert line, "the stream has ended"
                    data += line
                assert [response.readline() for _ in head[1:]] == head[1:]
                picture = data.removesuffix(b"\r\n" + head[0])
                bgr = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
                return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)

            yield read


@pytest.fixture
def open_view(start_module):
    """Start a web view with `name:=value` parameters."""

    def start(*parameters, remap=()):
        return View(start_module("web_view", "port:=0", *parameters, remap=remap))

    return start


@pytest.fixture
def node(bench, tiny_model):
    return bench.start(model=str(tiny_model))


@pytest.fixture
def view(node, open_view):
    """A web view that has found the node."""
    view = open_view("jpeg_quality:=95")
    view.wait_for_cameras("")
    wait_for(lambda: view.state()["alive"], "diagnostics")
    return view


@pytest.fixture
def driving(bench, rgb):
    """A camera that publishes at 20 Hz until the end of the test."""
    camera = bench.probe.create_publisher(Image, "/image", RELIABLE)
    ended = threading.Event()

    def drive():
        while not ended.wait(0.05):
            camera.publish(bench.image(rgb))

    thread = threading.Thread(target=drive)
    thread.start()
    yield
    ended.set()
    thread.join()


def subscribers(node):
    """Return how many subscribers each output has, without the ones that have none."""
    counts = {p.topic_name: p.get_subscription_count() for p in node.publishers}
    return {name: count for name, count in counts.items() if count and name.startswith("/openset")}


def expected_pictures(model, rgb):
    predictor = Predictor.load(model, device="cpu")
    result = predictor(rgb)
    taxonomy = predictor.taxonomy
    return {
        "overlay": blend_overlay(rgb, result.open_set, taxonomy, 0.5),
        "outlier_probability": heat_map(result.outlier),
        "open_set": colourise(result.open_set, taxonomy),
    }


@pytest.mark.usefixtures("driving")
def test_streams_show_what_the_node_publishes(view, tiny_model, rgb):
    expected = expected_pictures(tiny_model, rgb)
    for shown in expected:
        with view.stream(f"view={shown}") as read:
            pictures = [read() for _ in range(3)]
        for picture in pictures:
            assert picture.shape == (HEIGHT, WIDTH, 3)
            errors = {
                name: np.abs(picture.astype(int) - other).mean()
                for name, other in expected.items()
            }
            assert errors[shown] < 8  # JPEG halves the resolution of colours
            assert all(errors[name] > 16 for name in expected if name != shown)


@pytest.mark.usefixtures("driving", "node")
def test_wide_pictures_are_reduced(open_view):
    view = open_view("max_width:=48")
    view.wait_for_cameras("")
    with view.stream() as read:
        assert read().shape == (HEIGHT // 2, WIDTH // 2, 3)


@pytest.mark.usefixtures("driving")
def test_the_node_works_only_while_somebody_looks(view, node):
    for _ in range(3):
        view.state(view="overlay")
    assert set(subscribers(node)) == {"/openset/legend"}
    idle = node.cameras[0].statistics.report().values["frames_processed"]
    assert idle == "0"
    with view.stream("view=overlay") as read:
        read()
        with view.stream("view=overlay") as other:
            other()
            assert subscribers(node)["/openset/overlay"] == 1
        assert subscribers(node)["/openset/overlay"] == 1
        with view.stream("view=open_set") as other:
            other()
            assert set(subscribers(node)) == {
                "/openset/legend",
                "/openset/open_set",
                "/openset/overlay",
            }
        read()
    wait_for(lambda: set(subscribers(node)) == {"/openset/legend"}, "the end of the subscription")


def test_a_client_that_leaves_before_any_frame_is_forgotten(view, node):
    with view.stream():
        wait_for(lambda: "/openset/overlay" in subscribers(node), "a subscription")
        assert view.state(view="overlay", id="")["frame_age"] is None
    wait_for(lambda: "/openset/overlay" not in subscribers(node), "the end of the subscription")


@pytest.mark.usefixtures("driving")
def test_one_stream_too_many_is_refused_until_another_ends(view):
    streams = [view.stream(f"id={number}") for number in range(MAX_STREAMS)]
    readers = [stream.__enter__() for stream in streams]
    try:
        for read in readers:
            read()
        state = view.state(id="3")
        assert (state["streams_left"], state["streaming"]) == (0, True)
        status, body = view.get("/stream")
        assert status == 503
        assert f"all {MAX_STREAMS} streams are taken" in json.loads(body)["reason"]
        readers[0]()
    finally:
        for stream in streams:
            stream.__exit__(None, None, None)
    wait_for(lambda: view.state()["streams_left"] == MAX_STREAMS, "the end of the streams")
    with view.stream() as read:
        read()
    assert view.state(id="3")["streaming"] is False


def test_a_slow_client_gets_the_newest_and_a_stuck_one_is_cut_off(bench, open_view):
    """Pictures of 400 kB, more than the system holds for a client that does not read."""
    publisher = bench.probe.create_publisher(Image, "/openset/overlay", RELIABLE)
    view = open_view("jpeg_quality:=95")
    view.wait_for_cameras("")
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8)
    count, step = 20, 12
    with view.stream() as slow, view.stream() as fast:
        wait_for(publisher.get_subscription_count, "a subscription")
        wait_for(lambda: view.state()["streams_left"] == MAX_STREAMS - 2, "both streams")
        for index in range(count):
            noise[:16, :16] = index * step
            publisher.publish(bench.image(noise))
            assert abs(int(fast()[8, 8, 0]) - index * step) < step / 2
        seen = [round(int(slow()[8, 8, 0]) / step)]
        while seen[-1] != count - 1:
            seen.append(round(int(slow()[8, 8, 0]) / step))
        assert len(seen) < count / 2
        assert seen == sorted(set(seen))

        def one_is_left():
            publisher.publish(bench.image(noise))
            fast()
            return view.state()["streams_left"] == MAX_STREAMS - 1

        wait_for(one_is_left, "the end of the stuck stream")


def test_unknown_cameras_and_views_are_told(view):
    for path in ("/stream?camera=rear", "/stream?view=labels", "/stream?view=../overlay"):
        status, body = view.get(path)
        assert status == 404
        assert json.loads(body)["reason"]
    assert view.get("/page/../../server.py")[0] == 404


def test_the_state_has_what_the_page_shows(view):
    state = view.state()
    assert state["node"] == "/openset"
    assert state["controls"]["threshold"] == 0.5
    assert state["controls"]["fusion"] == "op_x_msm"
    assert {"op", "msm", "op_x_msm", "max_logit"} <= set(state["controls"]["fusions"])
    (status,) = state["statuses"]
    assert (status["part"], status["level"]) == ("recognition", "WARN")
    assert status["values"]["model"] == "tiny"
    assert state["legend"]["classes"][0]["name"] == "sky"
    assert "outlier" in [entry["name"] for entry in state["legend"]["classes"]]


def test_controls_change_the_node(view, node):
    assert view.set("threshold", 0.25) == (200, {})
    assert node.get_parameter("threshold").value == 0.25
    assert view.set("threshold", 1)[0] == 200  # a whole number is one too
    assert node.get_parameter("threshold").value == 1
    assert view.set("fusion", "msm") == (200, {})
    assert node.get_parameter("fusion").value == "msm"
    wait_for(lambda: view.state()["legend"]["fusion"] == "msm", "the new legend")
    controls = view.state()["controls"]
    assert (controls["threshold"], controls["fusion"]) == (1, "msm")


def test_a_refusals_reason_is_passed_on(view, node):
    for name, value, words in (
        ("threshold", 1.5, "parameter threshold is out of range: give a value from 0 to 1"),
        ("threshold", "high", "parameter threshold is 'high'"),
        ("threshold", "calibrated", "calibrat"),
        ("fusion", "magic", "parameter fusion is 'magic': give one of op"),
        ("fusion", "standardised_max_logit", "class statistics, which this model lacks"),
    ):
        status, body = view.set(name, value)
        assert status == 409
        assert words in body["reason"]
    assert node.get_parameter("threshold").value == 0.5
    assert node.get_parameter("fusion").value == "op_x_msm"


def test_the_calibrated_threshold_can_be_chosen(bench, calibrated_model, open_view):
    node = bench.start(model=str(calibrated_model), threshold=0.9)
    view = open_view()
    wait_for(lambda: view.state()["controls"], "the node")
    assert view.set("threshold", "calibrated") == (200, {})
    assert node.get_parameter("threshold").value == "calibrated"
    wait_for(lambda: view.state()["legend"]["threshold"] == 0.39, "the new legend")
    assert view.state()["controls"]["threshold"] == "calibrated"


def test_recognition_is_switched_off_and_on(bench, view):
    diagnostics = bench.diagnostics()
    for enabled in (False, True):
        assert view.post("/enable", {"enabled": enabled}) == (200, {})
        told = str(enabled).lower()
        wait_for(lambda told=told: diagnostics()["enabled"] == told, "diagnostics")


def test_what_is_no_control_is_refused(view):
    for path, body in (
        ("/parameters", {"name": "model", "value": "x"}),
        ("/parameters", {"name": "threshold", "value": True}),
        ("/parameters", {"name": "threshold", "value": None}),
        ("/parameters", {"name": "fusion", "value": "\ud800"}),
        ("/parameters", {"name": ["fusion"], "value": "op"}),
        ("/enable", {"enabled": "yes"}),
        ("/enable", {}),
    ):
        status, answer = view.post(path, body)
        assert status == 400
        assert answer["reason"].startswith("give ")
    assert view.set("threshold", 0.75)[0] == 200


def test_strange_bodies_do_no_harm(view):
    for body in ("", "{", "[" * MAX_BODY, b"\xff\xfe", "null", "[1]"):
        with view.request("POST", "/enable", body, Content_Type="application/json") as response:
            assert response.status == 400
    huge = "9" * (MAX_BODY - 50)
    body = f'{{"name": "threshold", "value": {huge}}}'
    with view.request("POST", "/parameters", body, Content_Type="application/json") as response:
        assert response.status == 409
    body = " " * (MAX_BODY + 1)
    with view.request("POST", "/parameters", body, Content_Type="application/json") as response:
        assert response.status == 413
    assert view.set("threshold", 0.75)[0] == 200


def test_foreign_pages_and_names_get_nothing(view, node):
    foreign = [
        {"Host": "evil.example"},
        {"Host": f"evil.example:{urlsplit(view.url).port}", "Origin": "http://evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
    ]
    for headers in foreign:
        for path in ("/", "/state", "/stream", "/page.js", "/nothing"):
            assert view.get(path, **headers)[0] == 403
        assert view.set("threshold", 0.1, **headers)[0] == 403
        assert view.post("/enable", {"enabled": False}, **headers)[0] == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert view.set("threshold", 0.1, Content_Type=kind)[0] == 403
    assert node.get_parameter("threshold").value == 0.5
    port = urlsplit(view.url).port
    own = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
    assert view.set("threshold", 0.1, **own) == (200, {})


def test_every_answer_has_the_security_headers(view):
    for path in ("/", "/page.css", "/state", "/stream?view=x", "/nothing"):
        with view.request("GET", path) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'; script-src 'self'" in policy
            assert "unsafe" not in policy
            assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
    for method, path in (("GET", "/parameters"), ("HEAD", "/stream"), ("DELETE", "/state")):
        with view.request(method, path) as response:
            assert response.status == 405


@pytest.mark.usefixtures("driving")
def test_a_node_that_goes_is_told_and_its_return_shown(bench, view, node, tiny_model):
    with view.stream() as read:
        read()
        bench.close_node(node)
        wait_for(lambda: not view.state()["alive"], "the end of the node")
        state = view.state()
        assert state["controls"] is None
        assert state["cameras"] == []
        status, body = view.set("threshold", 0.5)
        assert status == 503
        assert "is the node up?" in body["reason"]
        bench.start(model=str(tiny_model))
        wait_for(lambda: view.state()["alive"], "the return of the node")
        # What lay in buffers comes first.
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert read().shape == (HEIGHT, WIDTH, 3)
    wait_for(lambda: view.state()["controls"], "the controls")


def test_several_cameras_are_told_apart(bench, open_view, rgb):
    """The topics of a node with named cameras, without the node."""
    green, red = (np.full_like(rgb, colour) for colour in ((0, 200, 0), (200, 0, 0)))
    publishers = {
        name: bench.probe.create_publisher(Image, f"/openset/{name}/overlay", RELIABLE)
        for name in ("rear", "front")
    }
    view = open_view()
    view.wait_for_cameras("front", "rear")
    for name, picture in (("front", green), ("rear", red)):
        publisher = publishers[name]
        with view.stream(f"camera={name}") as read:
            wait_for(publisher.get_subscription_count, name)
            assert sum(p.get_subscription_count() for p in publishers.values()) == 1
            publisher.publish(bench.image(picture))
            assert np.abs(read()[20, 20].astype(int) - picture[20, 20]).max() <= 4
            assert view.state(camera=name, view="overlay")["frame_age"] < TIMEOUT
        wait_for(lambda p=publisher: not p.get_subscription_count(), "the end of the stream")


def test_a_frame_that_cannot_be_shown_is_told(bench, open_view, rgb):
    publisher = bench.probe.create_publisher(Image, "/openset/overlay", RELIABLE)
    view = open_view()
    view.wait_for_cameras("")
    with view.stream() as read:
        wait_for(publisher.get_subscription_count, "a subscription")
        broken = bench.image(rgb)
        broken.data = broken.data[:100]
        publisher.publish(broken)
        wait_for(lambda: view.state(view="overlay")["problem"], "the problem")
        assert "100 bytes of data where" in view.state(view="overlay")["problem"]
        publisher.publish(bench.image(rgb))
        assert read().shape == (HEIGHT, WIDTH, 3)
        assert view.state(view="overlay")["problem"] == ""


def test_a_broken_legend_does_no_harm(bench, view):
    publisher = bench.probe.create_publisher(String, "/openset/legend", LATCHED)
    publisher.publish(String(data="{"))
    assert view.set("threshold", 0.6) == (200, {})
    wait_for(lambda: view.state()["legend"]["threshold"] == 0.6, "the next legend")


def test_a_relative_name_is_completed_by_the_namespace(bench, tiny_model, open_view):
    bench.start("--ros-args", "-r", "__ns:=/robot", model=str(tiny_model))
    view = open_view("node:=openset", remap=("__ns:=/robot",))
    view.wait_for_cameras("")
    state = view.state()
    assert state["node"] == "/robot/openset"
    wait_for(lambda: view.state()["alive"], "diagnostics")


def test_a_port_in_use_is_one_line_and_exit_code_1(start_module):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = start_module("web_view", f"port:={port}")
        _, error = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    (line,) = error.splitlines()
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in line
    assert "give another parameter port" in line


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("node:=//x", "parameter node is '//x': give a name such as /openset"),
        ("port:=70000", "parameter port: give the port, 0 for any free one, a whole number"),
        ("jpeg_quality:=0", "parameter jpeg_quality: give"),
        ("max_width:=1.5", "parameter max_width: give"),
        ("host:=no.such.host.invalid", "cannot listen on no.such.host.invalid"),
    ],
)
def test_what_cannot_be_served_ends_with_one_line(start_module, parameter, words):
    process = start_module("web_view", parameter)
    _, error = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert len(error.splitlines()) == 1
    assert words in error


@pytest.mark.usefixtures("driving")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_although_streams_are_open(view, number):
    with view.stream() as read, view.stream("view=open_set"):
        read()
        sent = time.monotonic()
        view.process.send_signal(number)
        _, rest = view.process.communicate(timeout=TIMEOUT)
        took = time.monotonic() - sent
        with suppress(AssertionError, OSError, http.client.HTTPException):
            while True:
                read()
    assert view.process.returncode == 0
    assert rest == ""
    assert took < PROMPT


@pytest.fixture
def show(browser, view):
    """Return a function that opens the page, and assert at the end that nothing was complained."""
    contexts, complaints = [], []

    def open_page(width=1280, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT * 1000)
        foreign = f"{view.url}"
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: request.url.startswith(foreign) or complaints.append(request.url),
        )
        page.goto(view.url)
        return page

    open_page.complaints = complaints
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def wait_for_picture(page):
    wait_for(lambda: page.evaluate("picture.naturalWidth"), "a picture")
    page.locator("#picture").wait_for(state="visible")
    page.locator("#notice").wait_for(state="hidden")


@pytest.mark.usefixtures("driving")
def test_the_page_shows_picture_legend_and_diagnostics(show, node):
    page = show()
    wait_for_picture(page)
    assert page.locator("#picture").evaluate("image => image.naturalWidth") == WIDTH
    assert page.get_by_role("img", name="Overlay, live").is_visible()
    assert page.get_by_role("heading", name="Open-set recognition").is_visible()
    assert page.locator("#node").inner_text() == "/openset"
    legend = page.locator("#legend li")
    assert legend.first.inner_text() == "sky (0)"
    colour = legend.first.locator(".swatch").evaluate("e => getComputedStyle(e).backgroundColor")
    assert colour == "rgb{}".format(load_taxonomy("camvid").classes[0].colour)
    page.locator("#level.ok").wait_for()
    assert "recognition:" in page.locator("#statuses li").inner_text()
    rate = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="In, Hz"))
    wait_for(lambda: float(rate.get_by_role("cell").inner_text()) > 0, "the rate")
    network = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Network"))
    wait_for(lambda: "none" not in network.inner_text(), "latencies")
    middle, high = map(float, network.get_by_role("cell").all_inner_texts())
    assert 0 < middle <= high
    assert page.get_by_role("combobox", name="View").count() == 1
    assert page.get_by_role("combobox", name="Camera").count() == 0


@pytest.mark.usefixtures("driving")
def test_the_controls_of_the_page_work(show, node):
    page = show()
    wait_for_picture(page)
    number = page.get_by_label("Threshold as a number")
    assert number.input_value() == "0.5"
    number.fill("0.125")
    number.press("Enter")
    wait_for(lambda: node.get_parameter("threshold").value == 0.125, "the threshold")
    page.get_by_label("Outlier threshold").fill("0.75")
    wait_for(lambda: node.get_parameter("threshold").value == 0.75, "the threshold")
    wait_for(lambda: number.input_value() == "0.75", "the number")
    page.get_by_label("Outlier score").select_option("msm")
    wait_for(lambda: node.get_parameter("fusion").value == "msm", "the fusion")
    alert = page.get_by_role("alert")
    assert alert.is_hidden()
    page.get_by_label("View").select_option("outlier_probability")
    page.get_by_role("img", name="Outlier probability, live").wait_for()
    wait_for_picture(page)
    wait_for(lambda: "/openset/overlay" not in subscribers(node), "the end of the old view")
    assert "/openset/outlier_probability" in subscribers(node)
    assert page.get_by_text("0 (known) to 1 (outlier)").is_visible()
    switch = page.get_by_role("switch", name="Recognition on")
    assert switch.is_checked()
    switch.uncheck()
    page.get_by_text("disabled by ~/enable").wait_for()
    page.get_by_text("No frame for").wait_for()
    assert not switch.is_checked()
    switch.check()
    page.locator("#notice").wait_for(state="hidden")


def test_the_page_offers_a_choice_of_cameras(bench, browser, open_view, rgb):
    """The topics of a node with named cameras, without the node."""
    publishers = {
        name: bench.probe.create_publisher(Image, f"/openset/{name}/overlay", RELIABLE)
        for name in ("front", "rear")
    }
    view = open_view()
    view.wait_for_cameras("front", "rear")
    context = browser.new_context()
    page = context.new_page()
    page.goto(view.url)
    choice = page.get_by_role("combobox", name="Camera")
    assert choice.input_value() == "front"
    wait_for(publishers["front"].get_subscription_count, "the first camera")
    choice.select_option("rear")
    wait_for(publishers["rear"].get_subscription_count, "the second camera")
    wait_for(lambda: not publishers["front"].get_subscription_count(), "the end of the first")
    publishers["rear"].publish(bench.image(rgb))
    wait_for(lambda: page.evaluate("picture.naturalWidth"), "a picture")
    page.get_by_role("img", name="Overlay of camera rear, live").wait_for()
    context.close()


@pytest.mark.usefixtures("driving")
def test_a_refusal_is_shown_until_the_next_success(show, node):
    page = show()
    wait_for_picture(page)
    complaints = show.complaints
    page.get_by_label("Calibrated threshold").click()
    alert = page.get_by_role("alert")
    alert.wait_for(state="visible")
    assert "calibrat" in alert.inner_text()
    wait_for(lambda: not page.get_by_label("Calibrated threshold").is_checked(), "its return")
    # Chromium itself reports answers like 409 in the console.
    assert len(complaints) == 1
    assert "409" in complaints.pop()
    page.get_by_label("Outlier score").select_option("op")
    alert.wait_for(state="hidden")


@pytest.mark.usefixtures("driving")
def test_the_page_tells_that_the_node_is_gone_and_finds_it_again(
    show, bench, node, view, tiny_model
):
    page = show()
    wait_for_picture(page)
    bench.close_node(node)
    page.get_by_text("No sign of life from /openset").wait_for()
    assert page.locator("#level").inner_text() == "GONE"
    assert page.get_by_label("Outlier score").is_disabled()
    again = bench.start(model=str(tiny_model))
    wait_for_picture(page)
    wait_for(lambda: "/openset/overlay" in subscribers(again), "the stream")
    wait_for(page.get_by_label("Outlier score").is_enabled, "the controls")


@pytest.mark.usefixtures("driving", "node")
def test_the_page_survives_a_restart_of_the_web_view(show, view, start_module):
    page = show()
    wait_for_picture(page)
    view.process.send_signal(signal.SIGINT)
    view.process.wait(TIMEOUT)
    page.get_by_text("The web view does not answer").wait_for()
    assert page.locator("#picture").is_hidden()
    View(start_module("web_view", f"port:={urlsplit(view.url).port}"))
    wait_for_picture(page)
    # Chromium itself reports the requests that failed.
    assert all("ERR_" in text for text in show.complaints)
    show.complaints.clear()


@pytest.mark.usefixtures("driving")
def test_a_hidden_page_costs_the_node_nothing(show, node):
    page = show()
    wait_for_picture(page)
    hide = """hidden => {
      Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hide, True)
    wait_for(lambda: "/openset/overlay" not in subscribers(node), "the end of the stream")
    page.evaluate(hide, False)
    wait_for_picture(page)


@pytest.mark.usefixtures("driving")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_never_scrolls_sideways_and_can_be_read(show, width, scheme):
    page = show(width, scheme)
    wait_for_picture(page)
    page.locator("#level.ok").wait_for()
    page.get_by_label("View").select_option("outlier_probability")
    page.get_by_text("0 (known) to 1 (outlier)").wait_for()
    page.evaluate("document.querySelector('#refusal').hidden = false")
    page.evaluate("document.querySelector('#refusal').textContent = 'refused'")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    pairs = [pair.split("|") for pair in page.evaluate(TEXT_COLOURS)]
    assert len(pairs) >= 4
    assert [pair for pair in pairs if contrast(*pair) < LEAST_CONTRAST] == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(background) > 0.5) == (scheme == "light")
    nameless = """[...document.querySelectorAll('input, select')].filter(
      control => !control.labels.length || !control.labels[0].innerText.trim())"""
    assert page.evaluate(f"{nameless}.length") == 0
