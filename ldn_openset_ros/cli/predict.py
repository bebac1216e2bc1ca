"""`ldn-openset predict`: recognise pictures and write what was found."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ldn_openset_ros.cli.backend import add_backend_options
from ldn_openset_ros.cli.json_file import write_json
from ldn_openset_ros.cli.threshold import THRESHOLD_HELP, threshold
from ldn_openset_ros.errors import OpenSetError, one_line
from ldn_openset_ros.folders import make_folder
from ldn_openset_ros.score_names import SCORE_NAMES

if TYPE_CHECKING:
    from ldn_openset_ros.inference.predictor import Predictor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", help="model folder or name of a shipped model")
    parser.add_argument("images", type=Path, nargs="+", help="pictures or folders of pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--fusion", choices=SCORE_NAMES)
    parser.add_argument("--threshold", type=threshold, help=THRESHOLD_HELP)
    parser.add_argument("--resolution", type=int, help="shorter side in pixels, 0 = as it comes")
    add_backend_options(parser)
    parser.add_argument("--json", type=Path, help="write the outlier share of every picture")


def run(args: argparse.Namespace) -> int:
    """Write labels, outlier map (16 bit), open-set map and a panel for every picture."""
    import cv2
    from tqdm import tqdm

    from ldn_openset_ros.inference.predictor import Predictor

    paths = expand(args.images)
    predictor = Predictor.load(
        args.model,
        device=args.device,
        backend=args.backend,
        precision=args.precision,
        fusion=args.fusion,
        threshold=args.threshold,
        resolution=args.resolution,
    )
    make_folder(args.output)
    shares = {}
    for path in tqdm(paths, unit="picture"):
        try:
            shares[str(path)] = recognise(predictor, path, args.output)
        except (OpenSetError, MemoryError, RuntimeError, cv2.error) as error:
            # The last three: memory ran out. The other pictures are still wanted.
            reason = error if isinstance(error, OpenSetError) else one_line(error)
            named = reason if str(path) in str(reason) else f"{path}: {reason}"
            tqdm.write(f"error: {named}", file=sys.stderr)
    if args.json:
        write_json(args.json, {"outlier_share": shares})
    failed = len(paths) - len(shares)
    sys.stdout.write(f"{len(shares)} pictures written to {args.output}, {failed} failed\n")
    return 1 if failed else 0


def recognise(predictor: Predictor, path: Path, output: Path) -> float:
    """Write what a predictor makes of a picture; return the share of its pixels that is outlier.

    Raises OpenSetError where it cannot be read, recognised or written.
    """
    import numpy as np

    from ldn_openset_ros.data.pictures import read_rgb, write_picture
    from ldn_openset_ros.inference.panel import side_by_side

    rgb = read_rgb(path)
    prediction = predictor(rgb)
    outlier = np.round(prediction.outlier * 65535).astype(np.uint16)
    panel = side_by_side(rgb, prediction, predictor.taxonomy)
    write_picture(output / f"{path.stem}_labels.png", prediction.labels)
    write_picture(output / f"{path.stem}_outlier.png", outlier)
    write_picture(output / f"{path.stem}_open_set.png", prediction.open_set)
    write_picture(output / f"{path.stem}_panel.png", panel)
    return float((prediction.open_set == predictor.taxonomy.outlier_id).mean())


def expand(paths: list[Path]) -> list[Path]:
    """Return the pictures that are named and those in the folders that are named.

    Raises OpenSetError for a folder without pictures, and for two of the same stem: their results
    would have the same name.
    """
    from ldn_openset_ros.data.pictures import list_pictures

    by_stem: dict[str, Path] = {}
    for path in paths:
        found = list_pictures(path) if path.is_dir() else [path]
        if not found:
            raise OpenSetError(f"{path} holds no pictures: put .jpg or .png files there")
        for picture in found:
            other = by_stem.setdefault(picture.stem, picture)
            if other != picture:
                raise OpenSetError(
                    f"{other} and {picture} would write the same files: predict them one by one "
                    "into different folders"
                )
    return list(by_stem.values())
