"""The newest picture for everyone, encoded once and only on demand."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.web.feed import Feed


class Encoder:
    """Encode a text; keep what was encoded, and wait at a gate."""

    def __init__(self):
        self.encoded = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, text):
        self.encoded.append(text)
        assert self.gate.wait(10)
        if text == "bad":
            raise OpenSetError("cannot be decoded")
        return text.encode()


@pytest.fixture
def encoder():
    return Encoder()


def test_only_the_newest_is_encoded_and_only_for_one_who_waits(encoder):
    async def scenario():
        feed = Feed(encoder)
        for text in ("a", "b", "c"):
            feed.put(text)
        await asyncio.sleep(0.01)
        assert encoder.encoded == []
        assert await feed.newest(0) == (3, b"c")
        assert encoder.encoded == ["c"]

    asyncio.run(scenario())


def test_all_clients_get_one_encoding(encoder):
    async def scenario():
        feed = Feed(encoder)
        waiting = [asyncio.create_task(feed.newest(0)) for _ in range(4)]
        await asyncio.sleep(0.01)
        feed.put("a")
        assert await asyncio.gather(*waiting) == [(1, b"a")] * 4
        assert await feed.newest(0) == (1, b"a")
        assert encoder.encoded == ["a"]

    asyncio.run(scenario())


def test_one_who_has_seen_it_waits_for_the_next(encoder):
    async def scenario():
        feed = Feed(encoder)
        feed.put("a")
        count, _ = await feed.newest(0)
        waiting = asyncio.create_task(feed.newest(count))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        feed.put("b")
        assert await waiting == (2, b"b")

    asyncio.run(scenario())


def test_what_comes_during_the_encoding_is_not_lost(encoder):
    async def scenario():
        feed = Feed(encoder)
        feed.put("a")
        encoder.gate.clear()
        waiting = asyncio.create_task(feed.newest(0))
        while not encoder.encoded:
            await asyncio.sleep(0.001)
        feed.put("b")
        encoder.gate.set()
        assert await waiting == (1, b"a")
        assert await feed.newest(1) == (2, b"b")

    asyncio.run(scenario())


def test_a_client_that_leaves_takes_nothing_from_the_others(encoder):
    async def scenario():
        feed = Feed(encoder)
        feed.put("a")
        encoder.gate.clear()
        first, second = (asyncio.create_task(feed.newest(0)) for _ in range(2))
        while not encoder.encoded:
            await asyncio.sleep(0.001)
        first.cancel()
        encoder.gate.set()
        assert await second == (1, b"a")
        assert first.cancelled()

    asyncio.run(scenario())


def test_a_bad_message_is_told_and_passed_over(encoder):
    async def scenario():
        feed = Feed(encoder)
        feed.put("bad")
        waiting = asyncio.create_task(feed.newest(0))
        while not feed.problem:
            await asyncio.sleep(0.001)
        assert feed.problem == "cannot be decoded"
        assert not waiting.done()
        feed.put("good")
        assert await waiting == (2, b"good")
        assert feed.problem == ""

    asyncio.run(scenario())


def test_the_age_is_that_of_the_newest(encoder):
    async def scenario():
        feed = Feed(encoder)
        assert feed.age() is None
        feed.put("a")
        await asyncio.sleep(0.05)
        before = feed.age()
        feed.put("b")
        assert before >= 0.05
        assert feed.age() < before

    asyncio.run(scenario())
