"""`make-bag`: from data sets and folders to bags."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from ldn_openset_ros.bags.discovery import find_topics
from ldn_openset_ros.bags.faults import Faults
from ldn_openset_ros.bags.frames import frames
from ldn_openset_ros.bags.reader import BagReader
from ldn_openset_ros.cli import make_bag
from ldn_openset_ros.cli.main import build_parser
from ldn_openset_ros.errors import OpenSetError

COUNT = 5


@pytest.fixture
def pictures(tmp_path):
    """Five pictures of 12x9 with outlier truth, and a data set `folder` of the same files."""
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    for index in range(COUNT):
        picture = np.full((9, 12, 3), 20 * index, np.uint8)
        truth = np.zeros((9, 12), np.uint8)
        truth[index] = 1
        cv2.imwrite(str(tmp_path / "images" / f"{index:02d}.png"), picture)
        cv2.imwrite(str(tmp_path / "labels" / f"{index:02d}.png"), truth)
    return tmp_path


def run(*arguments):
    args = build_parser().parse_args(["make-bag", *map(str, arguments)])
    return args.run(args)


def read(path):
    with BagReader(path) as reader:
        return list(frames(reader, find_topics(reader), Faults()))


def test_folder_with_truth(pictures, tmp_path, capsys):
    output = tmp_path / "drive"
    assert run("--images", pictures / "images", "--labels", pictures / "labels", "-o", output) == 0
    assert capsys.readouterr().out == f"5 frames written to {output}\n"
    read_frames = read(output)
    assert [frame.stamp_ns for frame in read_frames] == [
        10**9 + index * 10**8 for index in range(COUNT)
    ]
    for index, frame in enumerate(read_frames):
        assert frame.rgb.tolist() == np.full((9, 12, 3), 20 * index).tolist()
        assert np.nonzero(frame.outlier_truth)[0].tolist() == [index] * 12
        assert frame.label_truth is None
        assert frame.frame_id == "camera_optical_frame"
    with BagReader(output) as reader:
        assert list(reader.topics) == ["/camera/image_raw", "/ground_truth/outlier"]


def test_options(pictures, tmp_path):
    output, summary = tmp_path / "drive", tmp_path / "new" / "summary.json"
    code = run(
        *("--dataset", "folder", "--root", pictures, "-o", output, "--storage", "sqlite3"),
        *("--compress", "png", "--rate", "4", "--limit", "3", "--frame-id", "left"),
        *("--fov", "90", "--json", summary),
    )
    assert code == 0
    assert (output / "drive.db3").is_file()
    read_frames = read(output)
    assert [frame.stamp_ns for frame in read_frames] == [10**9, 1_250_000_000, 1_500_000_000]
    assert {frame.frame_id for frame in read_frames} == {"left"}
    with BagReader(output) as reader:
        _, _, info = next(reader.messages(["/camera/camera_info"]))
    # 90 degrees across 12 pixels: focal length 6; centre of pixels 0..11 and 0..8.
    np.testing.assert_allclose(info.k, [6, 0, 5.5, 0, 6, 4, 0, 0, 1])
    assert json.loads(summary.read_text()) == {
        "bag": str(output),
        "storage": "sqlite3",
        "frames": 3,
        "duration": 0.5,
        "topics": {
            "/camera/camera_info": 3,
            "/camera/image_raw/compressed": 3,
            "/ground_truth/outlier": 3,
        },
    }


def test_known_camera_is_kept(tmp_path):
    place = "01_Street"
    for part, name, shape in (
        ("leftImg8bit", "leftImg8bit.png", (4, 8, 3)),
        ("gtCoarse", "gtCoarse_labelTrainIds.png", (4, 8)),
    ):
        folder = tmp_path / part / "test" / place
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / f"{place}_000000_000010_{name}"), np.ones(shape, np.uint8))
    folder = tmp_path / "camera" / "test" / place
    folder.mkdir(parents=True)
    intrinsic = {"intrinsic": {"fx": 7.0, "fy": 8.0, "u0": 3.0, "v0": 1.0}}
    (folder / f"{place}_000000_000010_camera.json").write_text(json.dumps(intrinsic))
    output = tmp_path / "drive"
    root = ("--dataset", "lost_and_found", "--root", tmp_path)
    assert run(*root, "--sequence", f"{place}_000000", "--fov", "60", "-o", output) == 0
    with BagReader(output) as reader:
        _, _, info = next(reader.messages(["/camera/camera_info"]))
    assert info.k.tolist() == [7, 0, 3, 0, 8, 1, 0, 0, 1]
    with pytest.raises(OpenSetError, match="no sequence '02_Lane'"):
        run(*root, "--sequence", "02_Lane", "-o", tmp_path / "other")


def test_masks_of_0_and_255_are_refused_or_read(pictures, tmp_path, capsys):
    for path in (pictures / "labels").iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED) * 255)
    folders = ("--images", pictures / "images", "--labels", pictures / "labels")
    with pytest.raises(OpenSetError, match=r"labels has no outlier pixel.*--outlier-value 255;"):
        run(*folders, "-o", tmp_path / "drive")
    assert run(*folders, "--outlier-value", "255", "-o", tmp_path / "drive") == 0
    for index, frame in enumerate(read(tmp_path / "drive")):
        assert np.unique(frame.outlier_truth).tolist() == [0, 1]
        assert np.nonzero(frame.outlier_truth)[0].tolist() == [index] * 12
    data_set = ("--dataset", "folder", "--root", pictures)
    assert run(*data_set, "--outlier-value", "255", "-o", tmp_path / "other") == 0
    assert read(tmp_path / "other")[1].outlier_truth[1].tolist() == [1] * 12
    capsys.readouterr()


def test_equal_input_gives_an_equal_bag(pictures, tmp_path):
    for folder in ("one", "two"):
        run("--images", pictures / "images", "-o", tmp_path / folder / "drive")
    first, second = (tmp_path / folder / "drive" for folder in ("one", "two"))
    for name in ("metadata.yaml", "drive.mcap"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_bad_picture_midway_leaves_no_bag(pictures, tmp_path):
    (pictures / "images" / "03.png").write_bytes(b"no picture")
    with pytest.raises(OpenSetError, match=r"03\.png is no readable picture"):
        run("--images", pictures / "images", "-o", tmp_path / "out" / "drive")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "one of the arguments --dataset --images is required"),
        (("--dataset", "camvid"), "--dataset needs --root"),
        (("--dataset", "kitti", "--root", "."), "invalid choice: 'kitti'"),
        (("--dataset", "camvid", "--images", "."), "not allowed with argument"),
        (("--dataset", "camvid", "--root", ".", "--labels", "."), "--labels belongs to --images"),
        (("--images", ".", "--split", "test"), "--split and --sequence belong to --dataset"),
        (("--images", ".", "--rate", "0"), "0 is not between 0 and 1000"),
        (("--images", ".", "--rate", "nan"), "nan is not between 0 and 1000"),
        (("--images", ".", "--rate", "fast"), "invalid number value: 'fast'"),
        (("--images", ".", "--fov", "180"), "180 is not between 0 and 180"),
        (("--images", ".", "--limit", "0"), "0 is not at least 1"),
        (("--images", ".", "--outlier-value", "255"), "--outlier-value belongs to --labels"),
        (("--images", ".", "--outlier-value", "256"), "256 is not between 1 and 255"),
    ],
)
def test_bad_usage_exits_with_2(tmp_path, capsys, arguments, reason):
    with pytest.raises(SystemExit) as stop:
        run(*arguments, "-o", tmp_path / "drive")
    assert stop.value.code == 2
    assert reason in capsys.readouterr().err


def test_command_of_its_own(pictures, tmp_path, capsys):
    output = tmp_path / "drive"
    arguments = ["--images", str(pictures / "images"), "-o", str(output)]
    assert make_bag.main(arguments) == 0
    assert len(read(output)) == COUNT
    assert make_bag.main(arguments) == 1
    assert f"{output} exists already" in capsys.readouterr().err


def test_real_data(data_root, tmp_path):
    arguments = ("--dataset", "camvid", "--root", data_root / "camvid", "--split", "val")
    assert run(*arguments, "--limit", "2", "-o", tmp_path / "drive") == 0
    read_frames = read(tmp_path / "drive")
    assert len(read_frames) == 2
    assert read_frames[0].rgb.shape == (360, 480, 3)
    assert read_frames[0].outlier_truth is None
    assert set(np.unique(read_frames[0].label_truth)) <= {*range(11), 255}
