"""`ldn-openset export`: a model's network as a file for other programs, checked."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.cli.sizes import size
from ldn_openset_ros.errors import OpenSetError

TOLERANCE = 1e-3
"""In outlier probability, of a float32 file against torch."""
FRAMES = 3
FORMATS = ("onnx", "openvino", "ncnn")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "Write the network, from uint8 RGB pixels to logits at stride 4, as a file, then run that "
        f"file beside torch on {FRAMES} rendered frames and print the largest differences; a "
        f"float32 file that is off by more than {TOLERANCE:g} in outlier probability is an error. "
        "What goes in and what comes out is printed and stored in the file. The size is fixed: "
        "the grids of the pyramid pooling depend on it, so give the size in which the network "
        "sees your pictures (their size after `resolution`)."
    )
    parser.add_argument("model", help="model folder or name of a shipped model")
    parser.add_argument("--format", required=True, choices=FORMATS)
    parser.add_argument(
        "--size", required=True, type=size, metavar="WxH", help="of the network's input"
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="FILE",
        help="FILE.onnx, FILE.xml (openvino; weights in FILE.bin), FILE.param (ncnn; weights in "
        "FILE.bin, contract in FILE.yaml)",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "int8"),
        default="float32",
        help="int8: openvino alone, of a model that `quantise` made and whose loss it printed, so "
        "differences are no error (default: float32)",
    )
    parser.add_argument("--json", type=Path, help="write contract and differences to this file")


def run(args: argparse.Namespace) -> int:
    """Write the file, print its contract, compare it with torch."""
    from rich.console import Console

    from ldn_openset_ros.evaluation.agreement import largest_difference
    from ldn_openset_ros.inference.backends.export import export, open_exported
    from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
    from ldn_openset_ros.inference.model_files import find_model
    from ldn_openset_ros.inference.predictor import Predictor
    from ldn_openset_ros.scenes.drive import Drive, DriveSettings

    folder = find_model(args.model)
    network = PixelNetwork.read(folder)
    width, height = args.size
    text = export(network, args.format, height, width, args.output, args.precision, folder)
    exported = open_exported(network, args.format, args.output, args.precision)
    drive = Drive(DriveSettings(width=max(width, 64), height=max(height, 64)))
    difference = largest_difference(
        Predictor.load(folder, device="cpu", backend="torch"),
        Predictor(exported, network.description),
        [drive.frame(7 * number).rgb[:height, :width] for number in range(FRAMES)],
    )
    if args.json:
        write_json(args.json, {"contract": text, "difference": asdict(difference)})
    console = Console()
    for name, value in text.items():
        console.print(f"[bold]{name:12}[/bold]", value, highlight=False, soft_wrap=True)
    console.print(
        f"largest difference to torch on {FRAMES} frames: logits {difference.logits:.2g}, "
        f"outlier probability {difference.probability:.2g}",
        highlight=False,
        soft_wrap=True,
    )
    if args.precision == "float32" and not difference.probability <= TOLERANCE:
        raise OpenSetError(
            f"{args.output} is off by {difference.probability:.2g} in outlier probability, more "
            f"than {TOLERANCE:g}: do not use it, choose another --format"
        )
    console.print(f"written to {args.output}", highlight=False, soft_wrap=True)
    return 0
