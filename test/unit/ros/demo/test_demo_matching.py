from __future__ import annotations

from ldn_openset_ros.ros.demo.matching import OPEN_OUTPUTS, FrameMatcher

IMAGE, TRUTH = "image", "truth"
OUTPUTS = ("labels", "open_set")


def add_image(matcher, stamp, size=10):
    matcher.add_input(IMAGE, stamp, f"image {stamp}", size)


def answer(matcher, stamp, outputs=OUTPUTS):
    results = [matcher.add_output(name, stamp, f"{name} {stamp}") for name in outputs]
    assert all(result is None for result in results[:-1])
    return results[-1]


def test_messages_of_one_stamp_make_a_frame():
    matcher = FrameMatcher(IMAGE, OUTPUTS)
    matcher.add_input(TRUTH, 1, "truth 1", 5)
    add_image(matcher, 1)
    assert matcher.add_output("labels", 1, "labels 1") is None
    assert matcher.add_output("open_set", 1, "open_set 1") == {
        "truth": "truth 1",
        "image": "image 1",
        "labels": "labels 1",
        "open_set": "open_set 1",
    }
    assert (matcher.images, matcher.complete, matcher.unmatched) == (1, 1, 0)


def test_counting_starts_with_the_image_of_the_first_complete_frame():
    matcher = FrameMatcher(IMAGE, OUTPUTS)
    for stamp in (1, 2, 3, 4):
        add_image(matcher, stamp)
    assert (matcher.images, matcher.awaiting) == (0, True)
    assert answer(matcher, 3)["image"] == "image 3"
    assert matcher.images == 2
    add_image(matcher, 5)
    assert (matcher.images, matcher.complete) == (3, 1)
    assert answer(matcher, 4)
    assert matcher.awaiting
    assert answer(matcher, 5)
    assert not matcher.awaiting
    assert (matcher.images, matcher.complete, matcher.unmatched) == (3, 3, 0)


def test_outputs_without_image_or_companions_are_unmatched():
    matcher = FrameMatcher(IMAGE, OUTPUTS)
    assert answer(matcher, 7) is None
    assert matcher.unmatched == 0  # before the start
    add_image(matcher, 8)
    assert answer(matcher, 8)
    assert answer(matcher, 9) is None
    assert matcher.unmatched == 1
    add_image(matcher, 10)
    add_image(matcher, 11)
    assert answer(matcher, 10, ("labels",)) is None
    assert answer(matcher, 11)
    assert (matcher.images, matcher.complete, matcher.unmatched) == (3, 2, 2)


def test_truth_alone_is_no_image():
    matcher = FrameMatcher(IMAGE, OUTPUTS)
    matcher.add_input(TRUTH, 1, "truth 1", 5)
    assert answer(matcher, 1) is None
    assert not matcher.awaiting


def test_stamps_that_come_again_are_frames_of_their_own():
    matcher = FrameMatcher(IMAGE, OUTPUTS)
    for _ in range(4):
        for stamp in (1, 2, 3):
            add_image(matcher, stamp)
            assert answer(matcher, stamp)["image"] == f"image {stamp}"
    assert (matcher.images, matcher.complete, matcher.unmatched) == (12, 12, 0)


def test_a_loop_shorter_than_the_latency_loses_nothing():
    matcher = FrameMatcher(IMAGE, OUTPUTS)
    order = [1, 2, 3] * 5
    late = 4
    for index, stamp in enumerate(order):
        add_image(matcher, stamp)
        if index >= late:
            assert answer(matcher, order[index - late])
    assert matcher.complete == len(order) - late
    assert matcher.unmatched == 0


def test_memory_is_bounded():
    matcher = FrameMatcher(IMAGE, OUTPUTS, input_bytes=100)
    for stamp in range(50):
        add_image(matcher, stamp)
    assert len(matcher._inputs) == 10
    assert answer(matcher, 49)
    assert len(matcher._inputs) == 1
    for stamp in range(100, 200):
        matcher.add_output("labels", stamp, "x")
    assert len(matcher._outputs) == OPEN_OUTPUTS
    assert matcher.unmatched == 100 - OPEN_OUTPUTS


def test_an_image_larger_than_the_memory_still_counts():
    matcher = FrameMatcher(IMAGE, OUTPUTS, input_bytes=100)
    add_image(matcher, 1, size=500)
    assert answer(matcher, 1)
