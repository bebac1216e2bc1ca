from __future__ import annotations

import threading
from itertools import islice

from ldn_openset_ros.ros.mailbox import Mailbox


def test_a_new_item_replaces_the_one_that_waits():
    mailbox = Mailbox()
    assert [mailbox.put("front", item) for item in "abc"] == [False, True, True]
    assert next(iter(mailbox)) == ["c"]
    assert mailbox.put("front", "d") is False


def test_items_that_are_false_count_as_items():
    mailbox = Mailbox()
    mailbox.put("front", 0)
    assert mailbox.put("front", None) is True
    assert list(islice(mailbox, 1)) == [[None]]


def test_senders_that_always_have_an_item_take_turns():
    mailbox, served = Mailbox(), []
    senders = ("front", "left", "rear")
    for sender in senders:
        mailbox.put(sender, sender)
    for items in islice(mailbox, 9):
        served += items
        for sender in senders:
            mailbox.put(sender, sender)
    assert served == [*senders, *senders, *senders]


def test_a_fast_sender_takes_nothing_from_a_slow_one():
    mailbox, served = Mailbox(), []
    mailbox.put("fast", "fast 0")
    for turn, items in enumerate(islice(mailbox, 6), start=1):
        served += items
        if turn == 2:
            mailbox.put("slow", "slow")
        for _ in range(10):
            mailbox.put("fast", f"fast {turn}")
        if turn == 4:
            mailbox.put("slow", "slow again")
    assert served == ["fast 0", "fast 1", "slow", "fast 3", "fast 4", "slow again"]


def test_items_of_several_senders_are_handed_out_at_once():
    mailbox = Mailbox(limit=2)
    for sender in ("front", "left", "front", "rear"):
        mailbox.put(sender, sender)
    assert list(islice(mailbox, 2)) == [["front", "left"], ["rear"]]


def test_taking_waits_for_an_item():
    mailbox, taken = Mailbox(), []
    consumer = threading.Thread(target=lambda: taken.extend(islice(mailbox, 1)))
    consumer.start()
    consumer.join(0.05)
    assert consumer.is_alive()
    mailbox.put("front", "a")
    consumer.join(30)
    assert taken == [["a"]]


def test_closing_ends_the_iteration_and_discards():
    mailbox = Mailbox()
    mailbox.put("front", "a")
    assert mailbox.close() == ["a"]
    assert list(mailbox) == []
    assert mailbox.close() == []


def test_closing_wakes_a_waiting_consumer():
    mailbox = Mailbox()
    consumer = threading.Thread(target=lambda: list(mailbox))
    consumer.start()
    consumer.join(0.05)
    assert consumer.is_alive()
    mailbox.close()
    consumer.join(30)
    assert not consumer.is_alive()
