from __future__ import annotations

import threading
from itertools import islice

from ldn_openset_ros.ros.mailbox import Mailbox


def test_a_new_item_replaces_the_one_that_waits():
    mailbox = Mailbox()
    assert [mailbox.put(item) for item in "abc"] == [False, True, True]
    assert next(iter(mailbox)) == "c"
    assert mailbox.put("d") is False


def test_items_that_are_false_count_as_items():
    mailbox = Mailbox()
    mailbox.put(0)
    assert mailbox.put(None) is True
    assert list(islice(mailbox, 1)) == [None]


def test_taking_waits_for_an_item():
    mailbox, taken = Mailbox(), []
    consumer = threading.Thread(target=lambda: taken.extend(islice(mailbox, 1)))
    consumer.start()
    consumer.join(0.05)
    assert consumer.is_alive()
    mailbox.put("a")
    consumer.join(30)
    assert taken == ["a"]


def test_closing_ends_the_iteration_and_discards():
    mailbox = Mailbox()
    mailbox.put("a")
    mailbox.close()
    assert list(mailbox) == []


def test_closing_wakes_a_waiting_consumer():
    mailbox = Mailbox()
    consumer = threading.Thread(target=lambda: list(mailbox))
    consumer.start()
    consumer.join(0.05)
    assert consumer.is_alive()
    mailbox.close()
    consumer.join(30)
    assert not consumer.is_alive()
