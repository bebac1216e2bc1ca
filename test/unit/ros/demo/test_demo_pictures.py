from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from ldn_openset_ros.data.pictures import write_picture
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.panel import CAPTION_HEIGHT
from ldn_openset_ros.ros.demo.pictures import (
    VideoWriter,
    count_frames,
    evenly_spaced,
    outlier_pixels,
    panel,
    video_size,
)


def test_indices_are_evenly_spaced_from_first_to_last():
    assert evenly_spaced(101, 6) == [0, 20, 40, 60, 80, 100]
    assert evenly_spaced(3, 6) == [0, 1, 2]
    assert evenly_spaced(1, 6) == [0]
    assert evenly_spaced(0, 6) == []


def test_a_panel_holds_four_pictures(make_frame, taxonomy):
    frame = make_frame()
    picture = panel(frame, taxonomy)
    assert picture.shape == (2 * (24 + CAPTION_HEIGHT), 64, 3)
    assert np.array_equal(picture[CAPTION_HEIGHT : CAPTION_HEIGHT + 24, :32], frame.rgb)
    assert np.array_equal(picture[-24:, 32:], frame.overlay)


def test_outlier_pixels_are_those_of_the_truth_or_else_of_the_map(make_frame, taxonomy):
    frame = make_frame()
    assert outlier_pixels(frame, taxonomy) == (frame.outlier >= 0.5).sum()
    truth = np.full((24, 32), 255, np.uint8)
    truth[:2, :3] = 1
    assert outlier_pixels(make_frame(outlier_truth=truth), taxonomy) == 6


def test_pngs_keep_their_colours(tmp_path):
    rgb = np.zeros((5, 7, 3), np.uint8)
    rgb[..., 0] = 200
    write_picture(tmp_path / "a.png", rgb)
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], rgb)
    with pytest.raises(OpenSetError, match="cannot write"):
        write_picture(tmp_path / "absent" / "a.png", rgb)


def test_video_sizes_are_even_and_bounded():
    assert video_size(1012, 1280) == (1012, 1280)
    assert video_size(101, 99) == (100, 100)
    assert video_size(2212, 3840) == (738, 1280)
    assert video_size(1, 1) == (2, 2)


def test_a_video_has_all_pictures_at_its_rate(tmp_path):
    path = tmp_path / "video.mp4"
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200)] * 4
    with VideoWriter(path, 7.38) as video:
        for index, colour in enumerate(colours):
            # Frames of another size are brought to the first one's.
            size = (49, 65) if index else (51, 67)
            video.add(np.full((*size, 3), colour, np.uint8))
    assert count_frames(path) == 12
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == video_size(51, 67)[::-1]
        assert stream.pix_fmt == "yuv420p"
        assert float(stream.average_rate) == pytest.approx(7.38, abs=0.01)
        for frame, colour in zip(container.decode(stream), colours, strict=True):
            middle = frame.to_ndarray(format="rgb24")[20, 30].astype(int)
            assert np.abs(middle - colour).max() <= 16


def test_a_video_that_cannot_be_written_is_an_error(tmp_path):
    video = VideoWriter(tmp_path / "absent" / "video.mp4", 5.0)
    video.add(np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(OpenSetError, match="cannot write"):
        video.close()


def test_a_damaged_video_is_an_error(tmp_path):
    (tmp_path / "video.mp4").write_bytes(b"no video")
    with pytest.raises(OpenSetError, match="cannot be read"):
        count_frames(tmp_path / "video.mp4")
