"""Networks from checkpoints of other projects: torchvision's DenseNets, the authors' models.

Only names and shapes are matched here; the order of the maps is the same in all of them. Every
tensor of a file must be used but the ones listed as left out, and none may be missing.
"""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.checkpoint import load_strictly, read_foreign_state_dict
from ldn_openset_ros.nn.network import NetworkSettings, OpenSetNetwork

StateDict = dict[str, Tensor]

DENSENETS_BY_THIRD_BLOCK = {
    24: "densenet121",
    36: "densenet161",
    32: "densenet169",
    48: "densenet201",
}
"""Backbones by the number of layers in their third dense block, which tells them apart."""

THIRD_BLOCK_LAYER = re.compile(r"features\.denseblock3\.denselayer(\d+)\.")
OLD_LAYER_NAME = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.")
"""`denselayer1.norm.1.`, as checkpoints older than PyTorch 0.4.1 write `denselayer1.norm1.`."""

SEMSEG_OD_WIDTHS = NetworkSettings(ladder_widths=(256, 256, 128))
"""The shape of the authors' released networks."""

SEMSEG_OD_PREFIXES = {
    "features.": "backbone.features.",
    "spp.spp.spp_bn.": "pyramid_pooling.reduce.",
    "spp.spp.spp0.": "pyramid_pooling.levels.0.",
    "spp.spp.spp1.": "pyramid_pooling.levels.1.",
    "spp.spp.spp2.": "pyramid_pooling.levels.2.",
    "spp.spp.spp3.": "pyramid_pooling.levels.3.",
    "spp.spp.spp_fuse.": "pyramid_pooling.fuse.",
    "upsample_layers.upsample_0.": "ladder.modules_coarse_to_fine.0.",
    "upsample_layers.upsample_1.": "ladder.modules_coarse_to_fine.1.",
    "upsample_layers.upsample_2.": "ladder.modules_coarse_to_fine.2.",
    "logits.": "heads.segmentation.",
    "logits_conf.": "heads.outlier.",
}
"""The authors' names and ours; channel 0 of both outlier heads is the inlier."""


def network_from_torchvision(path: Path, num_classes: int) -> OpenSetNetwork:
    """Build a two-head network on a torchvision DenseNet-121, 161, 169 or 201 of ImageNet.

    The backbone has the file's weights, all else is random and needs training. `classifier` and
    `norm5` are left out. Raises OpenSetError that names every key that does not fit.
    """
    state = torchvision_backbone_state(read_foreign_state_dict(path))
    layers = [int(match[1]) for name in state if (match := THIRD_BLOCK_LAYER.match(name))]
    backbone = DENSENETS_BY_THIRD_BLOCK.get(max(layers, default=0))
    if backbone is None:
        raise OpenSetError(
            f"{path} holds no DenseNet-121, 161, 169 or 201 in torchvision's layout (its third "
            f"dense block has {max(layers, default=0)} layers): choose another layout or file"
        )
    network = OpenSetNetwork(NetworkSettings(backbone=backbone, num_classes=num_classes))
    load_strictly(network.backbone, state, path)
    return network


def network_from_semseg_od(path: Path) -> OpenSetNetwork:
    """Build a network from a state dict the paper's authors released (pb-brainiac/semseg_od).

    The number of classes, the widths and whether there is an outlier head follow from the file.
    The auxiliary heads, which serve training alone, are left out. Raises OpenSetError that names
    every key that does not fit.
    """
    state = semseg_od_state(read_foreign_state_dict(path))
    network = OpenSetNetwork(_semseg_od_settings(state))
    load_strictly(network, state, path)
    return network


def torchvision_backbone_state(state: StateDict) -> StateDict:
    """Return torchvision's DenseNet weights under the names of our `DenseNet`."""
    return {
        OLD_LAYER_NAME.sub(r"\1\2.", name): tensor
        for name, tensor in state.items()
        if not name.startswith(("classifier.", "features.norm5."))
    }


def semseg_od_state(state: StateDict) -> StateDict:
    """Return the authors' weights under the names of our `OpenSetNetwork`.

    Their training code saves `feature_extractor.backbone.features.` and so on; their inference
    code expects released files to leave these two module names out. Both spellings are read.
    """
    renamed = {}
    for name, tensor in state.items():
        if "aux_logits" in name:
            continue
        short = name.removeprefix("feature_extractor.").removeprefix("backbone.")
        theirs = next((p for p in SEMSEG_OD_PREFIXES if short.startswith(p)), None)
        ours = name if theirs is None else SEMSEG_OD_PREFIXES[theirs] + short.removeprefix(theirs)
        renamed[ours] = tensor
    return renamed


def _semseg_od_settings(state: StateDict) -> NetworkSettings:
    def width(layer: str, default: int) -> int:
        weight = state.get(f"{layer}.conv.weight")
        return default if weight is None or not weight.ndim else weight.shape[0]

    return NetworkSettings(
        num_classes=width("heads.segmentation", SEMSEG_OD_WIDTHS.num_classes),
        outlier_head=any(name.startswith("heads.outlier.") for name in state),
        pyramid_width=width("pyramid_pooling.reduce", SEMSEG_OD_WIDTHS.pyramid_width),
        pyramid_level_width=width(
            "pyramid_pooling.levels.0", SEMSEG_OD_WIDTHS.pyramid_level_width
        ),
        ladder_widths=tuple(
            width(f"ladder.modules_coarse_to_fine.{index}.blend_conv", default)
            for index, default in enumerate(SEMSEG_OD_WIDTHS.ladder_widths)
        ),
    )
