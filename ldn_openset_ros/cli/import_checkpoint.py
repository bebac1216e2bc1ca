"""`ldn-openset import`: make a model's folder from a checkpoint of another project."""

from __future__ import annotations

import argparse
import colorsys
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ldn_openset_ros.cli.half_precision import add_half_option, halve
from ldn_openset_ros.errors import OpenSetError

if TYPE_CHECKING:
    from ldn_openset_ros.taxonomy import Taxonomy

LAYOUTS = ("torchvision", "semseg_od")
PAPER_TAXONOMY = "cityscapes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the description and the arguments."""
    parser.description = (
        "Make a model's folder from a PyTorch state dict; nothing in it is executed."
    )
    parser.add_argument("checkpoint", type=Path, metavar="FILE.pt", help="state dict to read")
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        required=True,
        help="torchvision: a DenseNet of ImageNet, for a backbone to train from; "
        "semseg_od: the paper's authors' released models",
    )
    parser.add_argument("--classes", type=int, help="number of known classes")
    parser.add_argument(
        "--taxonomy",
        help="name or YAML file of the classes (default: cityscapes for 19, else numbers)",
    )
    add_half_option(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, help="models/NAME to write")


def run(args: argparse.Namespace) -> int:
    """Write the model's folder and say what is in it."""
    from ldn_openset_ros.inference.model_files import (
        SEMSEG_OD_NORMALISATION,
        DecisionSettings,
        ModelDescription,
        refuse_model,
        write_model,
    )
    from ldn_openset_ros.nn.foreign import network_from_semseg_od, network_from_torchvision
    from ldn_openset_ros.recognition.registry import MODULES, RecognitionSettings

    refuse_model(args.output)
    if args.layout == "semseg_od":
        network = network_from_semseg_od(args.checkpoint)
        found = network.settings.num_classes
        if args.classes not in (None, found):
            raise OpenSetError(
                f"{args.checkpoint} has {found} classes, not {args.classes}: leave --classes out"
            )
        taxonomy = choose_taxonomy(args.taxonomy, found)
        remark = "auxiliary heads, if any, were left out: they serve training alone"
    else:
        taxonomy = choose_taxonomy(args.taxonomy, args.classes)
        network = network_from_torchvision(args.checkpoint, taxonomy.num_classes)
        remark = (
            "only the backbone has the file's weights, all else is random (trained: false): train "
            "the model before use"
        )
    recognition = "two_heads" if network.settings.outlier_head else "outlier_exposure"
    description = ModelDescription(
        name=args.output.resolve().name,
        network=network.settings,
        normalisation=SEMSEG_OD_NORMALISATION,
        taxonomy=taxonomy.to_dict(),
        recognition=RecognitionSettings(recognition),
        decision=DecisionSettings(MODULES[recognition].default_score),
        trained=args.layout == "semseg_od",
    )
    write_model(args.output, description, network)
    sys.stdout.write(
        f"{args.output}: {network.settings.backbone}, {taxonomy.num_classes} classes "
        f"({taxonomy.name}), {recognition}\n{remark}\n"
    )
    if args.half:
        sys.stdout.write(f"{halve(args.output)}\n")
    return 0


def choose_taxonomy(name: str | None, num_classes: int | None) -> Taxonomy:
    """Return the taxonomy by `name`; without one Cityscapes' for 19, else numbered classes.

    Raises OpenSetError where the taxonomy has another number of classes than `num_classes`.
    """
    from ldn_openset_ros.taxonomy import SemanticClass, Taxonomy, load_taxonomy

    taxonomy = load_taxonomy(name or PAPER_TAXONOMY)
    if num_classes in (None, taxonomy.num_classes):
        return taxonomy
    if name:
        raise OpenSetError(
            f"taxonomy {taxonomy.name!r} has {taxonomy.num_classes} classes, the network "
            f"{num_classes}: choose another --taxonomy"
        )
    return Taxonomy(
        f"{num_classes} classes",
        tuple(
            SemanticClass(f"class {index}", _hue(index / num_classes))
            for index in range(num_classes)
        ),
    )


def _hue(share: float) -> tuple[int, int, int]:
    red, green, blue = (round(255 * value) for value in colorsys.hsv_to_rgb(share, 0.6, 0.9))
    return red, green, blue
