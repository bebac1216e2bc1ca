from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.media import DEFAULT_RATE, is_device, open_media

COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200))


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, colour in enumerate(COLOURS):
        rgb = np.full((48, 64, 3), colour, np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), rgb[..., ::-1])
    return folder


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for colour in COLOURS:
            rgb = np.full((48, 64, 3), colour, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def read_all(media):
    frames = []
    while (frame := media.read()) is not None:
        frames.append(frame)
    return frames


@pytest.mark.parametrize("kind", ["pictures", "video"])
def test_frames_come_in_order_and_again_after_rewinding(kind, request):
    media = open_media(str(request.getfixturevalue(kind)))
    for _ in range(2):
        frames = read_all(media)
        assert [frame.shape for frame in frames] == [(48, 64, 3)] * 3
        assert all(frame.dtype == np.uint8 for frame in frames)
        # Video is lossy, pictures are not.
        tolerance = 12 if kind == "video" else 0
        for frame, colour in zip(frames, COLOURS, strict=True):
            assert np.abs(frame[20, 30].astype(int) - colour).max() <= tolerance
        assert media.read() is None
        media.rewind()
    media.close()


def test_a_video_has_its_own_rate_and_pictures_the_default(pictures, video):
    assert open_media(str(video)).rate == 25.0
    assert open_media(str(pictures)).rate == DEFAULT_RATE


def test_unusable_sources_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    text = tmp_path / "notes.mp4"
    text.write_text("no video at all")
    for source in (tmp_path / "absent.mp4", tmp_path / "empty", text, "/dev/video987"):
        with pytest.raises(OpenSetError, match=str(source)) as error:
            open_media(str(source))
        assert "\n" not in str(error.value)


def test_devices_are_numbers_or_device_files():
    assert is_device("0")
    assert is_device("12")
    assert is_device("/dev/video2")
    assert not is_device("/dev/videos")
    assert not is_device("2024/drive.mp4")
    assert not is_device("")


def test_a_picture_that_cannot_be_read_is_left_out_and_told_once(tmp_path, caplog):
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "1.png").write_bytes(b"no picture")
    media = open_media(str(tmp_path))
    for _ in range(2):
        media.rewind()
        assert media.read() is not None
        assert media.read() is None
    (told,) = (record.getMessage() for record in caplog.records)
    assert told.startswith(f"a picture is left out: {tmp_path / '1.png'} is no readable picture")
