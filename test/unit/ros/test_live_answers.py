from __future__ import annotations

from ldn_openset_ros.ros.live_answers import OPEN_STAMPS, Answers

OUTPUTS = ("labels", "open_set")
SECOND = 10**9


def answer(answers, stamp, now=0, outputs=OUTPUTS):
    results = [answers.add_output(name, stamp, name.encode(), now) for name in outputs]
    assert all(result is None for result in results[:-1])
    return results[-1]


def test_an_answer_is_complete_with_all_outputs_and_the_latest_ends_its_latency():
    answers = Answers(OUTPUTS)
    answers.add_image(7, 10 * SECOND)
    assert answers.add_output("open_set", 7, b"o", 12 * SECOND) is None
    assert answers.latencies == {}
    assert answers.add_output("labels", 7, b"l", 11 * SECOND) == {"labels": b"l", "open_set": b"o"}
    assert answers.latencies == {7: 2.0}
    assert answers.counts == {7: 1}


def test_answers_that_overlap_are_kept_apart():
    answers = Answers(OUTPUTS)
    answers.add_output("labels", 1, b"1", 0)
    answers.add_output("labels", 2, b"2", 0)
    assert answers.add_output("open_set", 2, b"3", 0) == {"labels": b"2", "open_set": b"3"}
    assert answers.add_output("open_set", 1, b"4", 0) == {"labels": b"1", "open_set": b"4"}


def test_an_image_that_was_lost_on_the_way_has_an_answer_without_a_latency():
    answers = Answers(OUTPUTS)
    answers.add_image(1, 0)
    assert answer(answers, 2) is not None
    assert answers.latencies == {}
    assert answers.heard == {1, 2}
    assert answers.counts == {2: 1}


def test_an_image_may_become_known_after_its_answer():
    answers = Answers(OUTPUTS)
    assert answer(answers, 1, now=3 * SECOND) is not None
    answers.add_image(1, 2 * SECOND)
    assert answers.latencies == {1: 1.0}


def test_a_stamp_that_comes_again_is_counted_and_handed_out_once():
    answers = Answers(OUTPUTS)
    answers.add_image(1, 0)
    assert answer(answers, 1, now=SECOND // 4) is not None
    answers.add_image(1, 5 * SECOND)
    assert answer(answers, 1, now=6 * SECOND) is None
    assert answers.counts == {1: 2}
    assert answers.latencies == {1: 0.25}


def test_answers_that_stay_incomplete_take_no_memory():
    answers = Answers(OUTPUTS)
    for stamp in range(OPEN_STAMPS + 1):
        answers.add_output("labels", stamp, b"", 0)
    assert answer(answers, 0, outputs=["open_set"]) is None
    assert answer(answers, OPEN_STAMPS, outputs=["open_set"]) is not None
    assert answers.counts == {OPEN_STAMPS: 1}
