"""Frames of a bag: what belongs together comes together, and every fault is counted and named."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from recordings import (
    COMPRESSED,
    IMAGE,
    LABELS,
    OUTLIER,
    STORAGES,
    cdr,
    cut,
    image,
    pixels_message,
    png,
    record,
    record_mcap,
    scores,
)

from ldn_openset_ros.bags.discovery import FrameTopics, find_topics
from ldn_openset_ros.bags.faults import Fault, Faults
from ldn_openset_ros.bags.frames import WINDOW, decode_group, frames, groups
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError

PROBABILITY = "/openset/outlier_probability"
OPEN_SET = "/openset/open_set"
NODE_LABELS = "/openset/labels"
MILLISECOND = 1_000_000


def read(path, with_image=True, **given):
    """The frames of a bag, and its faults."""
    found = []
    with BagReader(path) as reader:
        topics = find_topics(reader, **given)
        return list(frames(reader, topics, Faults(found.append), with_image)), found


def milliseconds(read_frames):
    return [frame.stamp_ns // MILLISECOND for frame in read_frames]


def named(faults):
    """Kind, topic and stamp of faults in milliseconds."""
    return [(f.kind, f.topic, f.stamp_ns and f.stamp_ns // MILLISECOND) for f in faults]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("compression", [None, "png"])
def test_written_samples_and_outputs_come_back(tmp_path, storage, compression):
    rng = np.random.default_rng(0)
    samples = [
        Sample(
            str(index),
            rng.integers(0, 256, (8, 10, 3), np.uint8),
            labels=rng.integers(0, 11, (8, 10)).astype(np.uint8),
            outlier=rng.choice([0, 1, 255], (8, 10)).astype(np.uint8),
        )
        for index in range(5)
    ]
    outputs = [
        (
            rng.integers(0, 11, (8, 10)).astype(np.uint8),
            rng.random((8, 10), np.float32),
            rng.integers(0, 12, (8, 10)).astype(np.uint8),
        )
        for _ in samples
    ]
    with BagWriter(tmp_path / "drive", storage, compressed_images=compression) as bag:
        for index, sample in enumerate(samples):
            bag.write(sample, 10**9 + index)
            bag.write_outputs(10**9 + index, "camera_optical_frame", *outputs[index])
    read_frames, faults = read(tmp_path / "drive")
    assert faults == []
    assert [frame.stamp_ns for frame in read_frames] == [10**9 + index for index in range(5)]
    for frame, sample, output in zip(read_frames, samples, outputs, strict=True):
        np.testing.assert_array_equal(frame.rgb, sample.rgb)
        np.testing.assert_array_equal(frame.outlier_truth, sample.outlier)
        np.testing.assert_array_equal(frame.label_truth, sample.labels)
        np.testing.assert_array_equal(frame.labels, output[0])
        np.testing.assert_array_equal(frame.outlier_probability, output[1])
        np.testing.assert_array_equal(frame.open_set, output[2])
        assert frame.outlier_probability.dtype == np.float32
        assert frame.frame_id == "camera_optical_frame"


def test_truth_that_is_recorded_late_or_early_is_paired_by_stamp(tmp_path):
    path = record(
        tmp_path / "bag",
        [
            (OUTLIER, image(20, 1)),
            (IMAGE, image(10, 110)),
            (IMAGE, image(20, 120)),
            (OUTLIER, image(10, 0)),
        ],
    )
    read_frames, faults = read(path)
    pairs = {f.stamp_ns: (f.rgb[0, 0, 0], f.outlier_truth[0, 0]) for f in read_frames}
    assert pairs == {10_000_000: (110, 0), 20_000_000: (120, 1)}
    assert named(faults) == [("out_of_order", OUTLIER, 10)]


@pytest.mark.parametrize("storage", STORAGES)
def test_frames_without_truth_are_counted_and_come_in_order(tmp_path, storage):
    messages = [(IMAGE, image(stamp, stamp)) for stamp in range(1, 2 * WINDOW)]
    messages.insert(5, (OUTLIER, image(5, 1)))
    read_frames, faults = read(record(tmp_path / "bag", messages, storage))
    stamps = list(range(1, 2 * WINDOW))
    assert milliseconds(read_frames) == stamps
    assert [frame.rgb[0, 0, 0] for frame in read_frames] == stamps
    assert milliseconds(f for f in read_frames if f.outlier_truth is not None) == [5]
    stamps.remove(5)
    assert named(faults) == [("unmatched_image", IMAGE, stamp) for stamp in stamps]
    assert faults[0].reason == f"no message of this stamp on {OUTLIER}"
    assert read_frames[0].frame_id == "left"


def test_a_bag_without_truth_has_no_unmatched_images(tmp_path):
    read_frames, faults = read(record(tmp_path / "bag", [(IMAGE, image(1, 7))]))
    assert (len(read_frames), faults) == (1, [])
    assert read_frames[0].outlier_truth is None


def test_truth_without_an_image_is_named_and_left_out(tmp_path):
    path = record(
        tmp_path / "bag",
        [
            (OUTLIER, image(1, 0)),
            (IMAGE, image(2, 7)),
            (OUTLIER, image(2, 1)),
            (LABELS, image(2, 3)),
            (LABELS, image(3, 3)),
        ],
    )
    read_frames, faults = read(path)
    assert milliseconds(read_frames) == [2]
    assert named(faults) == [("unmatched_truth", OUTLIER, 1), ("unmatched_truth", LABELS, 3)]


def test_of_duplicates_the_first_counts_also_after_its_frame_was_handed_out(tmp_path):
    path = record(
        tmp_path / "bag",
        [
            (IMAGE, image(1, 10)),
            (IMAGE, image(1, 11)),
            (OUTLIER, image(1, 0)),
            (IMAGE, image(1, 12)),
            (OUTLIER, image(1, 1)),
            (IMAGE, image(2, 20)),
            (OUTLIER, image(2, 0)),
        ],
    )
    read_frames, faults = read(path)
    assert [(f.rgb[0, 0, 0], f.outlier_truth[0, 0]) for f in read_frames] == [(10, 0), (20, 0)]
    assert named(faults) == [
        ("duplicate", IMAGE, 1),
        ("duplicate", IMAGE, 1),
        ("duplicate", OUTLIER, 1),
    ]


def test_truth_that_comes_after_its_frame_was_handed_out_is_unmatched(tmp_path):
    late = WINDOW + 1
    messages = [(IMAGE, image(stamp, 0)) for stamp in range(1, late + 1)]
    messages += [(OUTLIER, image(1, 1)), (OUTLIER, image(late, 1)), (OUTLIER, image(1, 1))]
    read_frames, faults = read(record(tmp_path / "bag", messages))
    assert milliseconds(read_frames) == list(range(1, late + 1))
    assert milliseconds(f for f in read_frames if f.outlier_truth is not None) == [late]
    assert named(faults)[:2] == [("unmatched_image", IMAGE, 1), ("unmatched_truth", OUTLIER, 1)]
    assert [n for n in named(faults) if n[0] == "duplicate"] == [("duplicate", OUTLIER, 1)]


def test_an_image_that_comes_after_its_truth_was_given_up_is_a_frame(tmp_path):
    late = WINDOW + 1
    messages = [(OUTLIER, image(stamp, 0)) for stamp in range(1, late + 1)]
    messages += [(IMAGE, image(1, 9)), (IMAGE, image(late, 8))]
    read_frames, faults = read(record(tmp_path / "bag", messages))
    assert {f.stamp_ns // MILLISECOND: f.outlier_truth is None for f in read_frames} == {
        1: True,
        late: False,
    }
    assert ("unmatched_truth", OUTLIER, 1) in named(faults)
    assert ("unmatched_image", IMAGE, 1) in named(faults)


def test_stamps_that_jump_back_once_are_one_fault_and_used(tmp_path):
    count = 2 * WINDOW + 1
    round_of_images = [(IMAGE, image(stamp, stamp)) for stamp in range(1, count + 1)]
    read_frames, faults = read(record(tmp_path / "bag", round_of_images * 2))
    assert milliseconds(read_frames) == list(range(1, count + 1)) * 2
    assert named(faults) == [("out_of_order", IMAGE, 1)]
    assert faults[0].reason.endswith(f"by {(count - 1) / 1000:g} s")


@pytest.mark.parametrize("storage", STORAGES)
def test_a_broken_picture_is_left_out_and_the_rest_comes(tmp_path, storage):
    messages = [
        entry
        for stamp, kept in ((1, None), (2, 40), (3, None))
        for entry in ((COMPRESSED, png(stamp, 10 * stamp, kept=kept)), (OUTLIER, image(stamp, 1)))
    ]
    read_frames, faults = read(record(tmp_path / "bag", messages, storage))
    assert [(f.stamp_ns // MILLISECOND, f.rgb[1, 2, 0]) for f in read_frames] == [(1, 10), (3, 30)]
    assert named(faults) == [("undecodable", COMPRESSED, 2)]
    assert "40 bytes" in faults[0].reason


@pytest.mark.parametrize(
    ("truth", "kind", "reason"),
    [
        (image(1, 2), "undecodable", "outlier truth holds the value 2"),
        (image(1, 0, encoding="rgb8"), "undecodable", "encoding"),
        (cdr(image(1, 0))[:20], "undecodable", "is damaged"),
        (image(1, 0, shape=(3, 2)), "wrong_size", "2x3 pixels for a frame of 3x2"),
    ],
)
def test_unfit_truth_is_named_and_its_frame_comes_without(tmp_path, truth, kind, reason):
    path = record(
        tmp_path / "bag", [(IMAGE, image(1, 5)), (OUTLIER, truth), (LABELS, image(1, 3))]
    )
    (frame,), faults = read(path)
    assert (frame.rgb[0, 0, 0], frame.outlier_truth, frame.label_truth[0, 0]) == (5, None, 3)
    assert named(faults) == [(kind, OUTLIER, 1)]
    assert reason in faults[0].reason


def test_a_message_too_short_for_a_header_is_named(tmp_path):
    path = record(tmp_path / "bag", [(IMAGE, bytes(11)), (IMAGE, image(1, 5))])
    (frame,), faults = read(path)
    assert frame.rgb[0, 0, 0] == 5
    assert faults == [
        Fault("undecodable", IMAGE, None, "11 bytes are too short for a header"),
    ]


def test_recorded_outputs_are_judged_without_images(tmp_path):
    messages = []
    for stamp in (1, 2):
        messages += [
            (PROBABILITY, scores(stamp, 0.25)),
            (OPEN_SET, image(stamp, 11)),
            (OUTLIER, image(stamp, 1)),
        ]
    read_frames, faults = read(record(tmp_path / "bag", messages[:-1]))
    assert [(f.rgb, f.outlier_probability[0, 0], f.open_set[0, 0]) for f in read_frames] == [
        (None, 0.25, 11)
    ] * 2
    assert read_frames[0].outlier_truth[0, 0] == 1
    assert read_frames[1].outlier_truth is None
    assert read_frames[0].frame_id == "left"
    assert named(faults) == [("unmatched_image", PROBABILITY, 2)]


def test_a_frame_that_the_node_dropped_is_named(tmp_path):
    path = record(
        tmp_path / "bag",
        [(IMAGE, image(1, 1)), (IMAGE, image(2, 1)), (OPEN_SET, image(2, 1))],
    )
    read_frames, faults = read(path)
    assert [frame.open_set is None for frame in read_frames] == [True, False]
    assert named(faults) == [("unmatched_image", IMAGE, 1)]
    assert faults[0].reason == f"no message of this stamp on {OPEN_SET}"


def test_images_are_not_decoded_where_they_are_not_wanted(tmp_path):
    path = record(
        tmp_path / "bag",
        [
            (COMPRESSED, png(1, 9, kept=40)),
            (PROBABILITY, scores(1, 0.5)),
            (OUTLIER, image(1, 1, shape=(4, 4))),
        ],
    )
    (frame,), faults = read(path, with_image=False)
    assert (frame.rgb, frame.outlier_truth) == (None, None)
    assert frame.outlier_probability.tolist() == [[0.5] * 3] * 2
    assert named(faults) == [("wrong_size", OUTLIER, 1)]


def test_big_endian_scores_and_headers_are_read(tmp_path):
    message = pixels_message(1, np.full((2, 3), 0.75, ">f4"), "32FC1")
    message.is_bigendian = 1
    (frame,), _ = read(record(tmp_path / "bag", [(PROBABILITY, message)]))
    assert frame.outlier_probability.tolist() == [[0.75] * 3] * 2


@pytest.mark.parametrize("count", [2, 3 * WINDOW])
def test_images_without_stamps_end_in_one_clear_error(tmp_path, count):
    path = record(tmp_path / "bag", [(IMAGE, image(0, value)) for value in range(count)])
    with pytest.raises(
        OpenSetError, match=rf"every message on {IMAGE} has the stamp 0.*stamps its"
    ):
        read(path)


def test_a_few_images_without_stamps_at_the_start_are_named(tmp_path):
    path = record(tmp_path / "bag", [(IMAGE, image(stamp, 1)) for stamp in (0, 0, 5, 6)])
    read_frames, faults = read(path)
    assert milliseconds(read_frames) == [0, 5, 6]
    assert named(faults) == [("duplicate", IMAGE, 0)]
    assert "its stamp is 0 again" in faults[0].reason


def test_the_end_of_a_cut_bag_is_named_after_what_was_read(tmp_path):
    messages = [(IMAGE, image(stamp, stamp)) for stamp in range(1, 6)]
    path = cut(record_mcap(tmp_path / "drive.mcap", messages), -1500)
    read_frames, faults = read(path)
    assert len(read_frames) >= 1
    assert milliseconds(read_frames) == list(range(1, len(read_frames) + 1))
    assert named(faults) == [("damaged_bag", None, None)]
    assert faults[0].reason.startswith("drive.mcap is damaged or unfinished (")


def test_no_more_than_the_window_is_kept_open(tmp_path):
    messages = [(IMAGE, image(stamp, 0)) for stamp in range(1, 3 * WINDOW)]
    messages.append((OUTLIER, image(3 * WINDOW - 1, 1)))
    taken = 0
    with BagReader(record(tmp_path / "bag", messages)) as reader:
        original = reader.raw_messages

        def counting(topics):
            nonlocal taken
            for message in original(topics):
                taken += 1
                yield message

        reader.raw_messages = counting
        grouped = groups(reader, FrameTopics(IMAGE, OUTLIER), Faults())
        next(grouped)
        assert taken == WINDOW + 1
        assert len(list(grouped)) == 3 * WINDOW - 2


def test_groups_are_skipped_undecoded_and_the_rest_is_the_same(tmp_path):
    messages = [
        (COMPRESSED, png(stamp, stamp, kept=40 if stamp < 3 else None)) for stamp in range(5)
    ]
    with BagReader(record(tmp_path / "bag", messages)) as reader:
        topics, faults = find_topics(reader), Faults()
        rest = list(groups(reader, topics, faults))[3:]
        decoded = [decode_group(reader, group, topics, faults) for group in rest]
    assert [frame.rgb[0, 0, 0] for frame in decoded] == [3, 4]
    assert not faults.counts
    assert rest[0].messages[COMPRESSED].time_ns == 3
    assert rest[0].messages[COMPRESSED].data == cdr(messages[3][1])


def test_equal_bags_give_equal_frames_and_faults(tmp_path):
    messages = [
        (IMAGE, image(3, 1)),
        (OUTLIER, image(1, 0)),
        (IMAGE, image(1, 2)),
        (IMAGE, image(1, 3)),
        (LABELS, image(9, 3)),
        (OUTLIER, image(3, 0, shape=(1, 1))),
    ]
    results = []
    for name, storage in (("a", "mcap"), ("b", "mcap"), ("c", "sqlite3")):
        read_frames, faults = read(record(tmp_path / name, messages, storage))
        results.append((milliseconds(read_frames), faults))
    assert results[0] == results[1] == results[2]
    assert len(results[0][1]) == 6


def test_a_bag_without_images_and_outputs_lists_what_it_has(tmp_path):
    path = record(tmp_path / "bag", [(OUTLIER, image(1, 1))])
    with pytest.raises(
        OpenSetError, match=f"neither images nor recorded outputs: it has {OUTLIER}"
    ):
        read(path)


def test_reading_frames_imports_neither_ros_nor_torch():
    code = (
        "import sys, ldn_openset_ros.bags.frames;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'rclpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
