"""`ldn-openset make-bag`: write a data set or a folder of pictures into a bag with truth."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ldn_openset_ros.bags.writer import COMPRESSIONS, STORAGES, BagWriter
from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.cli.outlier_value import add_outlier_value
from ldn_openset_ros.data.folder import PictureFolder
from ldn_openset_ros.data.registry import open_dataset
from ldn_openset_ros.data.sample import PinholeCamera, Sample
from ldn_openset_ros.evaluation.test_sets import TEST_SET_NAMES, open_test_set

# Equal input gives an equal bag, so the stamps do not start now; zero would read as "not set".
START_NS = 1_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "Write a data set or a folder of pictures into a rosbag2 recording: images on "
        "/camera/image_raw, truth on /ground_truth/outlier and /ground_truth/labels where it is "
        "known, with equal stamps. Stamps start at 1 s, so that equal input gives an equal bag."
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", choices=TEST_SET_NAMES, help="data set; needs --root")
    source.add_argument("--images", type=Path, metavar="DIR", help="folder of pictures")
    parser.add_argument("--root", type=Path, metavar="DIR", help="where the data set lies")
    parser.add_argument("--split", help="split of the data set (default: its test split)")
    parser.add_argument("--sequence", metavar="NAME", help="only this video of the data set")
    parser.add_argument(
        "--labels", type=Path, metavar="DIR", help="truth of --images: 0, 1 (outlier) or 255"
    )
    add_outlier_value(parser, "the maps of --labels and of the data set `folder`")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="BAG", help="folder to write"
    )
    parser.add_argument("--storage", choices=STORAGES, default="mcap", help="default: mcap")
    parser.add_argument(
        "--compress", choices=COMPRESSIONS, help="write compressed images (truth stays raw)"
    )
    parser.add_argument(
        "--rate", type=_number(0, 1000), default=10.0, metavar="HZ", help="default: 10"
    )
    parser.add_argument("--limit", type=_count, metavar="N", help="only the first N frames")
    parser.add_argument(
        "--frame-id", default="camera_optical_frame", metavar="ID", help="frame of the camera"
    )
    parser.add_argument(
        "--fov",
        type=_number(0, 180),
        metavar="DEG",
        help="horizontal field of view: writes the camera_info of an ideal camera for frames "
        "whose camera is unknown",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a summary")
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Write the bag and say what is in it."""
    from tqdm import tqdm

    samples = _open_samples(args)
    count = min(len(samples), args.limit or len(samples))
    with BagWriter(args.output, args.storage, args.compress, args.frame_id) as bag:
        for index in tqdm(range(count), unit="frame", disable=None):
            sample = samples[index]
            if sample.camera is None and args.fov is not None:
                sample = replace(sample, camera=camera_of_view(sample, args.fov))
            bag.write(sample, START_NS + round(index * 1e9 / args.rate))
    if args.json:
        summary = {
            "bag": str(args.output),
            "storage": args.storage,
            "frames": count,
            "duration": (count - 1) / args.rate,
            "topics": dict(sorted(bag.counts.items())),
        }
        write_json(args.json, summary)
    sys.stdout.write(f"{count} frames written to {args.output}\n")
    return 0


def camera_of_view(sample: Sample, degrees: float) -> PinholeCamera:
    """Return an ideal camera: square pixels, the centre of the picture as principal point.

    degrees: horizontal field of view, from the left edge of the picture to the right one.
    """
    height, width = sample.rgb.shape[:2]
    focal = width / 2 / math.tan(math.radians(degrees) / 2)
    # The centre of the first pixel is 0, so that of the picture lies at (size - 1) / 2.
    return PinholeCamera(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command on its own: `ros2 run ldn_openset_ros make_bag`."""
    from ldn_openset_ros.cli.main import run_command

    return run_command("make-bag", args)


def _open_samples(args: argparse.Namespace) -> Sequence[Sample]:
    if args.images is not None:
        if args.root or args.split or args.sequence:
            args.usage_error("--root, --split and --sequence belong to --dataset")
        if args.labels is None and args.outlier_value is not None:
            args.usage_error("--outlier-value belongs to --labels or --dataset folder")
        return PictureFolder(args.images, args.labels, args.outlier_value)
    if args.root is None:
        args.usage_error("--dataset needs --root")
    if args.labels is not None:
        args.usage_error("--labels belongs to --images")
    if args.sequence is not None:
        return open_dataset(args.dataset, args.root, args.split, args.sequence, args.outlier_value)
    return open_test_set(args.dataset, args.root, args.split, outlier_value=args.outlier_value)


def _number(above: float, below: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = float(text)
        if not above < value < below:
            raise argparse.ArgumentTypeError(f"{text} is not between {above} and {below}")
        return value

    convert.__name__ = "number"
    return convert


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value
