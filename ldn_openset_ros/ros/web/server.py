"""The web view's HTTP server. It has a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.web.access import HEADERS, refusal
from ldn_openset_ros.ros.web.feed import Feed
from ldn_openset_ros.ros.web.pictures import VIEWS, jpeg
from ldn_openset_ros.ros.web.seen import Seen, topic_of
from ldn_openset_ros.ros.web.settings import WebViewSettings
from ldn_openset_ros.ros.web.shown_node import CONTROLS, ShownNode

PAGE = Path(__file__).with_name("page")
FILES = {
    "/": "index.html",
    "/page.css": "page.css",
    "/page.js": "page.js",
    "/icon.svg": "icon.svg",
}

MAX_STREAMS = 8
"""Streams at a time, of all clients together."""

MAX_BODY = 4096
"""Bytes that a request may carry."""

SEND_BUFFER = 2**18
"""Bytes that the system may hold for a client; more would be old pictures on the way."""

WRITE_TIMEOUT = 10.0
"""Seconds after which a client that does not take its picture loses its stream."""

SHUTDOWN_TIMEOUT = 0.2
"""Seconds that requests at hand get at the end; streams would go on for ever."""

PART_HEAD = b"--picture\r\nContent-Type: image/jpeg\r\n\r\n"


class WebServer:
    """Serve the page, its streams and its requests from `start` to `close`.

    ROS's thread calls these two; all else runs in the event loop's thread.
    """

    def __init__(
        self,
        listener: socket.socket,
        shown: ShownNode,
        settings: WebViewSettings,
        on_end: Callable[[Exception | None], None],
    ) -> None:
        """Keep what it takes.

        listener: of `listen`. on_end: called in the server's thread when it ends, with the error
        where there was one.
        """
        self._listener = listener
        self._shown = shown
        self._settings = settings
        self._on_end = on_end
        self._streams: list[str] = []
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web")

    def start(self) -> tuple[Seen, asyncio.AbstractEventLoop]:
        """Start the thread; return what to report to, and the loop to do it in."""
        self._thread.start()
        self._started.wait()
        return self._seen, self._loop

    def close(self, timeout: float) -> bool:
        """End streams, requests and thread; return False where that takes over `timeout` s."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._on_end(error)
        else:
            self._on_end(None)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._seen = Seen(self._settings.node, self._loop.time)
        self._started.set()
        # A stream whose client has gone is cancelled at once, not at its next frame.
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=SHUTDOWN_TIMEOUT,
        )
        await runner.setup()
        try:
            await web.SockSite(runner, self._listener).start()
            await self._stop.wait()
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_BODY, middlewares=[self._guard])
        application.on_response_prepare.append(_add_headers)
        application.add_routes(
            [
                *(web.get(path, partial(_send_file, name)) for path, name in FILES.items()),
                web.get("/state", self._send_state),
                web.get("/stream", self._send_stream, allow_head=False),
                web.post("/parameters", self._set_parameter),
                web.post("/enable", self._enable),
            ]
        )
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable) -> web.StreamResponse:
        address = (request.get_extra_info("sockname") or [""])[0]
        reason = refusal(
            request.method, request.headers, request.content_type, self._settings.host, address
        )
        return _refuse(403, reason) if reason else await handler(request)

    async def _send_state(self, request: web.Request) -> web.Response:
        try:
            controls = await self._shown.controls()
        except OpenSetError:  # the page tells of the node's absence by the rest
            controls = None
        query = request.query
        topic = topic_of(self._settings.node, query.get("camera", ""), query.get("view", ""))
        return web.json_response(
            {
                **self._seen.state(topic),
                "views": VIEWS,
                "controls": controls,
                "streaming": query.get("id") in self._streams,
                "streams_left": MAX_STREAMS - len(self._streams),
            }
        )

    async def _send_stream(self, request: web.Request) -> web.StreamResponse:
        camera, view = request.query.get("camera", ""), request.query.get("view", "overlay")
        if view not in VIEWS:
            return _refuse(404, f"unknown view: choose one of {', '.join(VIEWS)}")
        if camera not in self._seen.cameras:
            return _refuse(404, f"{self._settings.node} has no such camera now")
        if len(self._streams) >= MAX_STREAMS:
            return _refuse(503, f"all {MAX_STREAMS} streams are taken: close another page")
        name = request.query.get("id", "")
        self._streams.append(name)
        try:
            async with self._watching(camera, view) as feed:
                return await _stream(request, feed)
        finally:
            self._streams.remove(name)

    @asynccontextmanager
    async def _watching(self, camera: str, view: str) -> AsyncIterator[Feed]:
        """Subscribe to an output while at least one client looks at it."""
        topic = topic_of(self._settings.node, camera, view)
        feeds = self._seen.feeds
        feed = feeds.setdefault(topic, Feed(partial(self._encode, view)))
        feed.clients += 1
        self._shown.watch(frozenset(feeds))
        try:
            yield feed
        finally:
            feed.clients -= 1
            if not feed.clients:
                del feeds[topic]
                self._shown.watch(frozenset(feeds))

    def _encode(self, view: str, message: Any) -> bytes:
        """Runs in a thread of the loop's pool; the legend is replaced whole, never changed."""
        settings = self._settings
        return jpeg(message, view, self._seen.legend, settings.max_width, settings.jpeg_quality)

    async def _set_parameter(self, request: web.Request) -> web.Response:
        body = await _body(request)
        name, value = body.get("name"), body.get("value")
        # What this does not know, the node judges.
        text = isinstance(value, str) and value.isascii()
        if name not in CONTROLS or not (text or isinstance(value, float)):
            return _refuse(400, f"give name, one of {', '.join(CONTROLS)}, and value")
        return await _change(self._shown.set_parameter(name, value))

    async def _enable(self, request: web.Request) -> web.Response:
        enabled = (await _body(request)).get("enabled")
        if not isinstance(enabled, bool):
            return _refuse(400, "give enabled, true or false")
        return await _change(self._shown.enable(enabled))


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises OpenSetError, with the remedy, where there is none."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:  # UnicodeError: no name that could be looked up
        reason = getattr(error, "strerror", None) or error
        raise OpenSetError(
            f"cannot listen on {host or repr(host)}, port {port}: {reason}: "
            "give another parameter port (0 = any free one) or host"
        ) from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return listener


async def _stream(request: web.Request, feed: Feed) -> web.StreamResponse:
    """Send the newest picture whenever the client has taken the one before."""
    kind = "multipart/x-mixed-replace; boundary=picture"
    response = web.StreamResponse(headers={"Content-Type": kind})
    await response.prepare(request)
    await response.write(PART_HEAD)
    seen = 0
    while True:
        seen, picture = await feed.newest(seen)
        # Chromium shows a picture when the head of the next one has come, so that follows at once.
        data = b"".join((picture, b"\r\n", PART_HEAD))
        try:
            await asyncio.wait_for(response.write(data), WRITE_TIMEOUT)
        except asyncio.TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            return response


async def _send_file(name: str, request: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / name)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


async def _body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a request, all numbers as float."""
    try:
        body = json.loads(await request.read(), parse_int=float)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="give a JSON object")
    return body


async def _change(change: Awaitable[str]) -> web.Response:
    try:
        reason = await change
    except OpenSetError as error:
        return _refuse(503, str(error))
    return _refuse(409, reason) if reason else web.json_response({})


def _refuse(status: int, reason: str) -> web.Response:
    return web.json_response({"reason": reason}, status=status)
