"""What the processes of a distributed training share; the identity where there is one process."""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn import functional as distributed_functional


def process_count() -> int:
    """Return the number of processes in the group, 1 without a group."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def mean_over_processes(value: Tensor) -> Tensor:
    """Return the mean of a tensor over all processes, without a gradient through it."""
    count = process_count()
    if count == 1:
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total / count


class ProcessBatchNorm2d(nn.BatchNorm2d):
    """Batch norm with the statistics of all processes, for processes without a GPU.

    torch.nn.SyncBatchNorm does the same and needs GPUs. Every process must hold as many values.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Normalise (N, C, h, w)."""
        if not self.training or process_count() == 1:
            return super().forward(features)
        dtype, features = features.dtype, features.to(self.running_mean.dtype)
        mean = _differentiable_mean(features.mean((0, 2, 3)))
        # Not E[x^2] - E[x]^2, which loses its digits where the mean is large.
        centred = features - mean.view(1, -1, 1, 1)
        variance = _differentiable_mean(centred.square().mean((0, 2, 3)))
        count = features.numel() // features.shape[1] * process_count()
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        normalised = centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return normalised.to(dtype)


def _differentiable_mean(value: Tensor) -> Tensor:
    return distributed_functional.all_reduce(value) / process_count()


def share_batch_norm(network: nn.Module, device: torch.device) -> nn.Module:
    """Return the network with batch norms whose statistics are those of all processes."""
    if process_count() == 1:
        return network
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = ProcessBatchNorm2d
    return network
