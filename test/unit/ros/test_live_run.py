"""What is made of a replay: frames, faults, times, words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ldn_openset_ros.bags.discovery import FrameTopics
from ldn_openset_ros.bags.faults import Faults
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.bags.writer import BagWriter
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.evaluation.bag_job import BagJob, BagPlan
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame
from ldn_openset_ros.evaluation.measurement import MeasureSettings
from ldn_openset_ros.evaluation.model_choice import ModelChoice
from ldn_openset_ros.evaluation.run import summarise_times
from ldn_openset_ros.evaluation.summary import StageTime
from ldn_openset_ros.inference.predictor import Prediction
from ldn_openset_ros.ros.live import node_parameters
from ldn_openset_ros.ros.live_answers import Answers
from ldn_openset_ros.ros.live_run import (
    LiveRun,
    PlayedImage,
    Replay,
    copy_answered,
    describe,
    images_until,
    live_frames,
    live_timing,
    read_images,
)

IMAGE, OUTLIER = "/camera/image_raw", "/ground_truth/outlier"
TOPICS = FrameTopics(image=IMAGE, outlier_truth=OUTLIER)
IMAGES = tuple(PlayedImage(stamp, 1000 + stamp) for stamp in (1, 2, 3, 4))
LEGEND = {
    "model": "tiny",
    "fusion": "op",
    "threshold": 0.5,
    "temperature": 1.0,
    "resolution": 48,
}


def replayed(answered=(1, 3), interrupted=False, diagnostics=()):
    answers = Answers(["labels"])
    for stamp in answered:
        answers.add_image(stamp, 0)
        answers.add_output("labels", stamp, b"", stamp * 10**8)
    return Replay(answers, list(diagnostics), LEGEND, interrupted)


@pytest.fixture
def live(tmp_path, tiny_model) -> LiveRun:
    """Four images that were played at twice their pace; the first and third were answered."""
    job = BagJob(tmp_path / "drive", tmp_path / "out", ModelChoice(str(tiny_model)))
    return LiveRun(job, TOPICS, 2.0, IMAGES, IMAGES, replayed(), None)


def write_bag(path):
    """Five frames, of 1 to 5 seconds, with outlier truth."""
    rgb, outlier = np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), np.uint8)
    with BagWriter(path) as bag:
        for number in range(1, 6):
            bag.write(Sample("", rgb + number, outlier=outlier), number * 10**9)
    return path


def judged(stamp_ns):
    nothing = Prediction(None, None, None)
    return JudgedFrame(str(stamp_ns), "live_bag", nothing, {}, (4, 6), stamp_ns=stamp_ns)


def test_the_node_gets_what_was_chosen_and_keeps_what_was_not():
    model = ModelChoice("models/2024", fusion="op", threshold=0.25, device="cpu")
    assert node_parameters(model, compressed=True) == {
        "model": "models/2024",
        "device": "cpu",
        "backend": "torch",
        "precision": "auto",
        "fusion": "op",
        "threshold": 0.25,
        "image_transport": "compressed",
        "allow_multi_pass": True,
    }


def test_images_are_listed_in_the_order_of_playing(tmp_path):
    with BagReader(write_bag(tmp_path / "bag")) as reader:
        images = read_images(reader, IMAGE)
    assert images == tuple(PlayedImage(n * 10**9, n * 10**9) for n in range(1, 6))


def test_after_an_interruption_the_last_image_that_was_heard_of_is_the_last_sent():
    assert images_until(IMAGES, frozenset({1, 3})) == IMAGES[:3]
    assert images_until(IMAGES, frozenset()) == ()


def test_images_without_an_answer_and_their_truth_are_not_copied(tmp_path):
    unanswered = {2 * 10**9, 5 * 10**9}
    with BagReader(write_bag(tmp_path / "bag")) as reader, BagWriter(tmp_path / "copy") as writer:
        copy_answered(reader, TOPICS, unanswered, writer)
    with BagReader(tmp_path / "copy") as copy:
        messages = list(copy.messages())
    assert [(topic, time_ns) for topic, time_ns, _ in messages] == [
        (topic, number * 10**9) for number in (1, 3, 4) for topic in (IMAGE, OUTLIER)
    ]
    assert messages[2][2].data[0] == 3


def test_images_without_an_answer_are_named_and_frames_belong_to_the_bag_that_was_played(live):
    found = []
    faults = Faults(found.append)
    recorded = iter([judged(1), None, judged(3)])
    frames = list(live_frames(live, lambda start, faults: recorded)(0, faults))
    assert [(f.kind, f.topic, f.stamp_ns) for f in found] == [
        ("not_answered", IMAGE, 2),
        ("not_answered", IMAGE, 4),
    ]
    assert "the node did not answer it" in found[0].reason
    assert frames[1] is None
    assert [(f.source, dict(f.seconds)) for f in (frames[0], frames[2])] == [
        ("drive", {"end_to_end": 0.1}),
        ("drive", {"end_to_end": 0.3}),
    ]


def test_images_that_an_interruption_left_out_and_damage_of_the_bag_are_told_apart(live):
    found = []
    cut = replace(live, sent=IMAGES[:2], damage="drive.mcap is damaged")
    list(live_frames(cut, lambda start, faults: iter(()))(0, Faults(found.append)))
    assert [(f.kind, f.stamp_ns) for f in found] == [("damaged_bag", None), ("not_answered", 2)]


def test_the_words_say_how_it_was_played_and_what_was_answered(live):
    plan = BagPlan(None, MeasureSettings(replicates=20), None, LEGEND)
    description = describe(live, plan)
    assert description.title == "tiny live on drive"
    assert description.method == "live"
    assert description.origin == (
        "played over DDS at 2 times the recorded pace, 2 of 4 images answered by the node, network"
    )
    assert description.configuration["rate"] == 2.0
    assert description.configuration["topics"]["image"] == IMAGE
    assert len(description.configuration["model_sha256"]) == 64
    stopped = replace(live, sent=IMAGES[:3], replay=replayed(interrupted=True))
    assert "interrupted after 3 of 4 images, 2 of 3 images" in describe(stopped, plan).origin


def test_times_are_those_of_the_node_and_end_to_end(live):
    reports = [
        {"latency_network_p50_ms": text, "latency_network_p95_ms": text}
        for text in ("nan", "80.0", "90.0")
    ]
    times = summarise_times(())
    own = {"measure": StageTime(1, 1, 1), "end_to_end": StageTime(200.0, 100.0, 300.0)}
    timing = live_timing(
        replace(live, replay=replayed(diagnostics=reports)), replace(times, stages=own), 12.3456
    )
    assert timing.stages == {
        "network": StageTime(None, 85.0, 85.0),
        "end_to_end": StageTime(200.0, 100.0, 300.0),
    }
    assert (timing.sent, timing.received, timing.seconds) == (4, 2, 12.346)
