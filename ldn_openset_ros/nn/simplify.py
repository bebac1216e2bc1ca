"""The network with fewer operations, for inference; exact but for rounding.

What a framework's own optimiser finds by itself is left to it.
"""

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ldn_openset_ros.nn.dense_net import Transition
from ldn_openset_ros.nn.network import OpenSetNetwork


def simplify(network: OpenSetNetwork) -> OpenSetNetwork:
    """Return a copy of a network in evaluation mode, for inference alone.

    Batch normalisation that follows a convolution is folded into it, transitions pool before
    their convolution, which has a quarter of the pixels then, and auxiliary heads are gone.
    """
    network = deepcopy(network).requires_grad_(False)
    network.auxiliary_heads = nn.ModuleList()
    for module in list(network.modules()):
        fold_norms(module)
        if isinstance(module, Transition):
            pool_first(module)
    return network


def fold_norms(module: nn.Module) -> None:
    """Fold each child that normalises what the child before it, a convolution, returns.

    Children are taken to run in their order, as everywhere in this network.
    """
    children = list(module.named_children())
    for (name, child), (next_name, following) in pairwise(children):
        if isinstance(child, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(child, following))
            setattr(module, next_name, nn.Identity())


def pool_first(transition: Transition) -> None:
    """Average before the 1x1 convolution without bias: both are linear, so the order is free."""
    order = ("norm", "relu", "pool", "conv")
    transition._modules = OrderedDict((name, transition._modules[name]) for name in order)
