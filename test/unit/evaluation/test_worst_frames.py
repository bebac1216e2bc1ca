from __future__ import annotations

import numpy as np

from ldn_openset_ros.data.pictures import read_rgb
from ldn_openset_ros.evaluation.frame_record import FrameRecord
from ldn_openset_ros.evaluation.judged_frame import JudgedFrame
from ldn_openset_ros.evaluation.worst_frames import (
    FALSE_ALARM,
    FOUND,
    KEPT,
    MISSED,
    WorstFrames,
    error_map,
    write_panel,
)
from ldn_openset_ros.inference.predictor import Prediction
from ldn_openset_ros.taxonomy import load_taxonomy

SIZE = (6, 8)


def make_frame(
    called: np.ndarray, truth: np.ndarray | None = None, name: str = "1"
) -> JudgedFrame:
    labels = np.zeros(SIZE, np.uint8)
    open_set = np.where(called, np.uint8(11), labels)
    prediction = Prediction(labels, called.astype(np.float32), open_set)
    rgb = np.full((*SIZE, 3), 100, np.uint8)
    return JudgedFrame(
        name, "bag", prediction, {}, SIZE, called=called, rgb=rgb, outlier_truth=truth
    )


def make_record(missed: int | None, false_alarms: int | None) -> FrameRecord:
    return FrameRecord("1", "bag", None, 8, 6, None, None, None, missed, false_alarms)


def offer(worst: WorstFrames, number: int, missed: int, false_alarms: int = 0) -> bool:
    frame = make_frame(np.zeros(SIZE, bool), name=str(number))
    return worst.offer(frame, make_record(missed, false_alarms), f"{number}.jpg")


def test_the_worst_are_kept_in_order_and_ties_go_to_the_earlier():
    worst = WorstFrames()
    for number, missed in enumerate((5, 9, 5, 1, 7, 0, 3, 2, 9)):
        offer(worst, number, missed)
    kept = worst.ranked["missed_outliers"]
    assert [(entry.frame, entry.pixels) for entry in kept] == [
        ("1", 9),
        ("8", 9),
        ("4", 7),
        ("0", 5),
        ("2", 5),
        ("6", 3),
    ]
    assert len(kept) == KEPT
    assert worst.pictures() == {f"{n}.jpg" for n in (0, 1, 2, 4, 6, 8)}


def test_a_frame_without_faults_needs_no_picture():
    worst = WorstFrames()
    assert not offer(worst, 0, missed=0, false_alarms=0)
    assert offer(worst, 1, missed=0, false_alarms=1)
    assert worst.ranked["missed_outliers"] == []
    called = make_frame(np.ones(SIZE, bool))
    assert worst.offer(called, make_record(None, None), "2.jpg")
    assert worst.ranked["most_outliers"][0].pixels == 48


def test_merging_keeps_the_worst_of_all():
    parts = [WorstFrames(), WorstFrames()]
    for number in range(12):
        offer(parts[number % 2], number, missed=number)
    merged = WorstFrames().merge(parts)
    assert [entry.pixels for entry in merged.ranked["missed_outliers"]] == [11, 10, 9, 8, 7, 6]


def test_errors_are_coloured():
    called, truth = np.zeros(SIZE, bool), np.zeros(SIZE, np.uint8)
    called[0, :2] = True
    truth[0, 1:3] = 1
    called[0, 4] = True
    truth[0, 4] = 255
    picture = error_map(make_frame(called, truth))
    assert picture[0, 0].tolist() == list(FALSE_ALARM)
    assert picture[0, 1].tolist() == list(FOUND)
    assert picture[0, 2].tolist() == list(MISSED)
    assert picture[0, 4].tolist() == picture[1, 1].tolist() == [50, 50, 50]


def test_a_panel_shows_what_is_known(tmp_path):
    taxonomy = load_taxonomy("camvid")
    called, truth = np.ones(SIZE, bool), np.ones(SIZE, np.uint8)
    write_panel(tmp_path / "all.png", make_frame(called, truth), taxonomy)
    assert read_rgb(tmp_path / "all.png").shape == (2 * (6 + 26), 2 * 8, 3)
    write_panel(tmp_path / "blind.png", make_frame(called), taxonomy)
    blind = read_rgb(tmp_path / "blind.png")
    assert blind.shape == (2 * (6 + 26), 2 * 8, 3)
    assert (blind[32:, 8:] == 24).all()
    assert (blind[26:32, :8] == 100).all()
    unknown = make_frame(called)
    write_panel(tmp_path / "no_classes.png", unknown, None)
    assert read_rgb(tmp_path / "no_classes.png").shape == (6 + 26, 16, 3)
