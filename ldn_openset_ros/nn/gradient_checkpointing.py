"""Gradient checkpointing: activations are computed anew for the gradients instead of being kept.

Saves memory in training for about one more forward pass of the blocks (Chen et al. 2016; for
DenseNets Pleiss et al. 2017). Weights, names and results stay the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class RecomputableBlock(nn.Module, ABC):
    """A block that, in training, can keep its inputs alone until the gradients are computed."""

    gradient_checkpointing = False

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return `compute(*inputs)`; with `gradient_checkpointing`, without its activations."""
        if not (self.gradient_checkpointing and self.training):
            return self.compute(*inputs)
        return checkpoint(
            self.compute, *inputs, use_reentrant=False, context_fn=self._pass_contexts
        )

    @abstractmethod
    def compute(self, *inputs: Tensor) -> Tensor:
        """Return the block's output, a function of its inputs, parameters and buffers."""

    def _pass_contexts(self) -> tuple[AbstractContextManager, AbstractContextManager]:
        """Return what surrounds the forward pass and what surrounds the recomputation."""
        return nullcontext(), _DiscardedBufferUpdates(self)


def enable_gradient_checkpointing(network: nn.Module) -> None:
    """Let every dense layer or inverted residual block in `network` recompute its activations.

    Acts in training mode alone. State-dict keys, outputs, gradients and batch-norm statistics
    are those of the network without it.
    """
    for module in network.modules():
        if isinstance(module, RecomputableBlock):
            module.gradient_checkpointing = True


# A recomputation must not count its batch again in batch norm's running statistics. The other
# remedy, a momentum of 1 - sqrt(1 - m) for two equal updates, is right only where exactly one
# recomputation follows every forward pass and runs to its end: not for num_batches_tracked (it
# counts twice), not for a training-mode forward pass without a backward pass (half an update),
# not for two backward passes through one graph (three updates), and not for a norm that an early
# stop (`set_checkpoint_early_stop`) leaves out. Discarding the recomputation's updates is exact
# in all of them. Evaluation mode, which updates nothing, is never recomputed.
class _DiscardedBufferUpdates(AbstractContextManager):
    """Let a block update copies of its buffers; put the buffers back at the end.

    Copies, for batch norm saves its statistics for the gradients: without any, autograd would
    miss saved tensors of the forward pass. A class, for every backward pass enters it again.
    """

    def __init__(self, block: nn.Module) -> None:
        self.block = block
        self.kept: list[tuple[nn.Module, str, Tensor]] = []

    def __enter__(self) -> None:
        self.kept = [
            (module, name, buffer)
            for module in self.block.modules()
            for name, buffer in module.named_buffers(recurse=False)
        ]
        for module, name, buffer in self.kept:
            setattr(module, name, buffer.clone())

    def __exit__(self, *exception: object) -> None:
        # An early stop leaves by an exception, which the caller expects.
        for module, name, buffer in self.kept:
            setattr(module, name, buffer)
