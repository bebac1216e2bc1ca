from __future__ import annotations

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.demo.frame import check_contents, decode_frame
from ldn_openset_ros.ros.demo.sources import Source
from ldn_openset_ros.ros.images import image_message

SOURCE = Source("camera", "module", {})
THRESHOLD, OPACITY = 0.5, 0.5


def test_a_frame_is_decoded_with_its_truth(make_frame, make_messages):
    truth = np.random.default_rng(1).choice([0, 1, 255], (24, 32)).astype(np.uint8)
    frame = make_frame(outlier_truth=truth)
    messages = make_messages(frame)
    messages["/ground_truth/outlier"] = image_message(SimpleNamespace, truth, "mono8", None)
    decoded = decode_frame(messages, SOURCE)
    for field in fields(frame):
        expected = getattr(frame, field.name)
        found = getattr(decoded, field.name)
        assert (found is None) == (expected is None), field.name
        if expected is not None:
            assert np.array_equal(found, expected), field.name
            assert found.dtype == expected.dtype
    assert decoded.labels_truth is None


def test_an_output_with_another_header_is_a_fault(make_frame, make_messages):
    messages = make_messages(make_frame(), SimpleNamespace(frame_id="camera"))
    messages["/openset/overlay"].header = SimpleNamespace(frame_id="map")
    with pytest.raises(OpenSetError, match=r"/openset/overlay has the frame_id 'map'.*'camera'"):
        decode_frame(messages, SOURCE)


def test_an_output_with_another_encoding_is_a_fault(make_frame, make_messages):
    frame = make_frame()
    messages = make_messages(frame)
    messages["/openset/overlay"] = image_message(
        SimpleNamespace, frame.overlay, "bgr8", messages["/camera/image_raw"].header
    )
    with pytest.raises(OpenSetError, match="encoding 'bgr8' instead of 'rgb8'"):
        decode_frame(messages, SOURCE)


def test_an_output_of_another_size_is_a_fault(make_frame, make_messages):
    messages = make_messages(make_frame())
    messages["/openset/labels"] = make_messages(make_frame(size=(12, 16)))["/openset/labels"]
    with pytest.raises(OpenSetError, match="/openset/labels is 16x12, its image 32x24"):
        decode_frame(messages, SOURCE)


def test_right_contents_pass(make_frame, taxonomy):
    check_contents(make_frame(), taxonomy, THRESHOLD, OPACITY)


def test_an_id_that_the_legend_lacks_is_a_fault(make_frame, taxonomy):
    frame = make_frame()
    frame.labels[3, 3] = 3
    with pytest.raises(OpenSetError, match="labels hold the id 3"):
        check_contents(frame, taxonomy, THRESHOLD, OPACITY)


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan, np.inf])
def test_a_probability_outside_its_range_is_a_fault(make_frame, taxonomy, value):
    frame = make_frame()
    frame.outlier[3, 3] = value
    with pytest.raises(OpenSetError, match="not in"):
        check_contents(frame, taxonomy, THRESHOLD, OPACITY)


def test_an_open_set_map_that_breaks_the_rule_is_a_fault(make_frame, taxonomy):
    frame = make_frame()
    frame.open_set[0, 0] = frame.labels[0, 0]  # its probability is the threshold itself
    with pytest.raises(OpenSetError, match="in 1 pixels"):
        check_contents(frame, taxonomy, THRESHOLD, OPACITY)
    with pytest.raises(OpenSetError, match=r"threshold 0\.6"):
        check_contents(make_frame(), taxonomy, 0.6, OPACITY)


def test_an_overlay_of_another_frame_is_a_fault(make_frame, taxonomy):
    frame = replace(make_frame(), overlay=make_frame(seed=1).overlay)
    with pytest.raises(OpenSetError, match="overlay"):
        check_contents(frame, taxonomy, THRESHOLD, OPACITY)
