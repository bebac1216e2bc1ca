from __future__ import annotations

import math

import pytest

from ldn_openset_ros.ros.diagnostics import (
    STAGES,
    WINDOW,
    FrameStatistics,
    Level,
    LostMessages,
    LostObjects,
    Outcome,
    Report,
    Stopwatch,
    judge,
)


@pytest.fixture
def statistics(clock):
    return FrameStatistics(clock)


def test_stopwatch_takes_consecutive_stages(clock):
    stopwatch = Stopwatch(clock)
    clock.now += 0.25
    stopwatch.lap("decode")
    clock.now += 1.5
    stopwatch.lap("network")
    assert stopwatch.seconds == {"decode": 0.25, "network": 1.5}


def test_counts_last_and_rates_belong_to_the_window(statistics, clock):
    for index in range(20):
        statistics.received()
        if index % 4:
            statistics.finished(Outcome.REPLACED)
        else:
            statistics.processed({"network": 0.1}, age=0.2)
        clock.now += 0.1
    values = statistics.report().values
    assert values["frames_received"] == "20"
    assert values["frames_processed"] == "5"
    assert values["frames_replaced"] == "15"
    assert float(values["rate_in_hz"]) == 20 / WINDOW
    assert float(values["rate_out_hz"]) == 5 / WINDOW
    clock.now += WINDOW
    values = statistics.report().values
    assert values["frames_received"] == "20"
    assert float(values["rate_in_hz"]) == float(values["rate_out_hz"]) == 0
    assert math.isnan(float(values["latency_network_p50_ms"]))


def test_latencies_by_stage_in_milliseconds(statistics):
    for index in range(101):
        seconds = dict.fromkeys(STAGES, 0.001)
        statistics.processed({**seconds, "network": index / 1000}, age=2 * index / 1000)
    values = {k: float(v) for k, v in statistics.report().values.items() if k.endswith("_ms")}
    assert values["latency_network_p50_ms"] == 50
    assert values["latency_network_p95_ms"] == 95
    assert values["latency_decode_p95_ms"] == 1
    assert values["latency_total_p50_ms"] == 54
    assert values["output_age_p50_ms"] == 100
    assert values["output_age_p95_ms"] == 190
    assert set(values) == {
        f"{name}_{percentile}_ms"
        for name in (*(f"latency_{stage}" for stage in (*STAGES, "total")), "output_age")
        for percentile in ("p50", "p95")
    }


def test_frames_without_a_stamp_have_no_age(statistics):
    statistics.processed({"network": 0.1}, age=None)
    statistics.processed({"network": 0.1}, age=0.5)
    assert statistics.report().values["output_age_p50_ms"] == "500.00"


def test_the_last_error_stays(statistics):
    statistics.received()
    statistics.finished(Outcome.BAD, "no such encoding")
    statistics.finished(Outcome.IDLE)
    report = statistics.report()
    assert report.values["last_error"] == "no such encoding"
    assert report.level is Level.WARN
    assert report.message == "1 frames could not be processed: no such encoding"


def test_stale_without_frames(statistics, clock):
    assert statistics.report().level is Level.WARN
    statistics.received()
    assert statistics.report().level is Level.OK
    clock.now += WINDOW + 0.1
    assert statistics.report().level is Level.WARN


@pytest.mark.parametrize(
    ("arrivals", "outcomes", "level", "words"),
    [
        (0, {}, Level.WARN, "check the camera"),
        (1, {}, Level.OK, "first frames"),
        (50, {Outcome.REPLACED: 49}, Level.WARN, "none is finished"),
        (0, {Outcome.PROCESSED: 1}, Level.OK, "1 of 1 frames in 5 s"),
        (7, {Outcome.PROCESSED: 8}, Level.OK, "8 of 8 frames in 5 s"),
        (50, {Outcome.PROCESSED: 5, Outcome.REPLACED: 44}, Level.OK, "5 of 49 frames in 5 s"),
        (50, {Outcome.IDLE: 50}, Level.OK, "nobody subscribes"),
        (9, {Outcome.PROCESSED: 8, Outcome.BAD: 1}, Level.WARN, "1 frames could not"),
        (9, {Outcome.PROCESSED: 7, Outcome.FAILED: 2}, Level.WARN, "2 frames could not"),
        (9, {Outcome.PROCESSED: 7, Outcome.TOO_OLD: 2}, Level.WARN, "2 frames were older"),
        (9, {Outcome.BAD: 9}, Level.ERROR, "no frame could be processed: why"),
        (9, {Outcome.BAD: 1, Outcome.FAILED: 8}, Level.ERROR, "no frame could be processed: why"),
        (9, {Outcome.TOO_OLD: 8, Outcome.REPLACED: 1}, Level.ERROR, "max_age"),
    ],
)
def test_levels(arrivals, outcomes, level, words):
    judged, message = judge(arrivals, outcomes, "why")
    assert judged is level
    assert words in message


def test_every_frame_has_one_outcome(statistics):
    for outcome in Outcome:
        statistics.received()
        if outcome is Outcome.PROCESSED:
            statistics.processed({}, None)
        else:
            statistics.finished(outcome)
    values = statistics.report().values
    counts = {key: int(value) for key, value in values.items() if key.startswith("frames_")}
    assert counts.pop("frames_received") == sum(counts.values()) == len(Outcome)
    assert set(counts.values()) == {1}


def test_lost_objects_are_warned_of_while_they_are_news(clock):
    lost = LostObjects(clock)
    assert lost.report().level == Level.OK
    assert lost.report().values == {"frames_without_objects": "0", "last_objects_error": ""}
    lost.add("no depth")
    lost.add("no camera_info")
    clock.now += WINDOW
    report = lost.report()
    assert (report.level, report.message) == (Level.WARN, "no outlier objects: no camera_info")
    assert report.values["frames_without_objects"] == "2"
    clock.now += 0.1
    assert lost.report().level == Level.OK
    assert lost.report().values["last_objects_error"] == "no camera_info"


def test_lost_messages_are_warned_of_for_a_window_with_the_remedy(clock):
    lost = LostMessages(clock)
    assert lost.report() == Report(Level.OK, "", {"messages_lost": "0"})
    lost.add("/image", 3, "buy a cable")
    clock.now += WINDOW - 1
    lost.add("/image", 4, "buy a cable")
    lost.add("/depth", 1, "look there")
    report = lost.report()
    assert report.level is Level.WARN
    assert report.message == (
        "7 messages of /image lost on the way in 5 s: buy a cable; "
        "1 messages of /depth lost on the way in 5 s: look there"
    )
    assert report.values == {"messages_lost": "8"}
    clock.now += 2
    assert lost.report().message.startswith("4 messages of /image lost")
    clock.now += WINDOW
    assert lost.report() == Report(Level.OK, "", {"messages_lost": "8"})


def test_a_middleware_that_tells_of_no_lost_messages_is_no_zero():
    lost = LostMessages()
    lost.cannot_be_counted()
    assert lost.report() == Report(Level.OK, "", {"messages_lost": "nan"})
