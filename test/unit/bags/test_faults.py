"""Faults of a recording are counted by kind and handed on as they come."""

from __future__ import annotations

from ldn_openset_ros.bags.faults import DAMAGED_BAG, DUPLICATE, KINDS, UNDECODABLE, Fault, Faults


def test_faults_are_counted_and_handed_on_in_order():
    handed = []
    faults = Faults(handed.append)
    given = [Fault(DUPLICATE, "/a", 1, "x"), Fault(UNDECODABLE, "/b", None, "y")]
    for fault in (*given, given[0]):
        faults.add(fault)
    assert handed == [*given, given[0]]
    assert faults.counts == {"duplicate": 2, "undecodable": 1}
    assert faults.counts["wrong_size"] == 0


def test_each_kind_is_told_with_its_first_reason():
    faults = Faults()
    assert faults.told() == ""
    for topic, reason in (("/b", "no JPEG"), ("/b", "cut"), (None, "half")):
        kind = UNDECODABLE if topic else DAMAGED_BAG
        faults.add(Fault(kind, topic, None, reason))
    faults.counts.update({DUPLICATE: 2})  # as after an interruption
    assert faults.told() == "damaged_bag: 1 (half); duplicate: 2; undecodable: 2 (/b: no JPEG)"


def test_kinds_are_the_words_of_reports():
    assert KINDS == (
        "unmatched_image",
        "unmatched_truth",
        "duplicate",
        "out_of_order",
        "undecodable",
        "wrong_size",
        "damaged_bag",
        "unusable_bag",
        "not_answered",
    )
