from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.legend import legend
from ldn_openset_ros.ros.demo.pictures import count_frames, panel
from ldn_openset_ros.ros.demo.report import check_legend, clear, report
from ldn_openset_ros.ros.demo.sources import Source
from ldn_openset_ros.ros.demo.spool import FrameSpool
from ldn_openset_ros.ros.demo.summary import Recording

CAMERA = Source("camera", "module", {})


def recording(taxonomy, count):
    return Recording(
        frames_in=count,
        processed=count,
        unmatched=0,
        seconds=1.0,
        end_to_end=[0.1] * count,
        diagnostics=[{"device": "cpu"}],
        legend=legend(taxonomy, threshold=0.5, model="m"),
        faults={},
    )


def test_panels_video_and_figures_come_from_the_recorded_frames(tmp_path, taxonomy, make_frame):
    truths = [np.zeros((24, 32), np.uint8) for _ in range(9)]
    for index, truth in enumerate(truths):
        truth[0, : 1 + index % 5] = 1
    with FrameSpool(tmp_path / "spool") as spool:
        for index, truth in enumerate(truths):
            spool.append(make_frame(index, outlier_truth=truth))
        summary = report(CAMERA, recording(taxonomy, 9), spool, taxonomy, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    shown = [f"frame_{index:04d}.png" for index in (0, 2, 3, 5, 6, 8)]
    assert names == ["best.png", *shown, "video.mp4"]
    assert count_frames(tmp_path / "video.mp4") == 9
    third = cv2.imread(str(tmp_path / "frame_0003.png"))[..., ::-1]
    assert np.array_equal(third, panel(make_frame(3), taxonomy))
    best = cv2.imread(str(tmp_path / "best.png"))[..., ::-1]
    assert np.array_equal(best, panel(make_frame(4), taxonomy))
    assert summary.valid
    assert summary.average_precision is not None


def test_truth_of_other_classes_than_the_models_is_not_measured(tmp_path, taxonomy, make_frame):
    camera = replace(CAMERA, classes="camvid")
    with FrameSpool(tmp_path / "spool") as spool:
        spool.append(make_frame(labels_truth=make_frame().labels))
        foreign = report(camera, recording(taxonomy, 1), spool, taxonomy, tmp_path)
        own = report(CAMERA, recording(taxonomy, 1), spool, taxonomy, tmp_path)
    assert own.mean_iou == 1.0
    assert foreign.mean_iou is None
    assert "camvid" in foreign.missing["mean_iou"]
    assert foreign.valid


def test_only_what_a_demo_wrote_is_cleared(tmp_path):
    (tmp_path / "logs").mkdir()
    for name in ("summary.json", "video.mp4", "best.png", "frame_0003.png", "logs/node.log"):
        (tmp_path / name).touch()
    (tmp_path / "holiday.png").touch()
    clear(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["holiday.png", "logs"]
    assert list((tmp_path / "logs").iterdir()) == []


def test_a_legend_must_agree_with_the_model(taxonomy):
    good = legend(taxonomy, threshold=0.25)
    assert check_legend(good, taxonomy) == 0.25
    for wrong, words in (
        (None, "no legend"),
        ({**good, "outlier_id": 7}, "outlier_id"),
        ({**good, "classes": good["classes"][1:]}, "classes"),
        ({**good, "threshold": "high"}, "threshold high"),
        ({**good, "threshold": 1.5}, "threshold 1.5"),
    ):
        with pytest.raises(OpenSetError, match=words):
            check_legend(wrong, taxonomy)
