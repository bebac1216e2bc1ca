"""Read and write network weights; strict, so that nothing is lost silently."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ldn_openset_ros.errors import OpenSetError, one_line


def write_weights(state: dict[str, torch.Tensor], path: Path, half_precision: bool) -> None:
    """Write a state dict as safetensors.

    `half_precision` stores convolution weights as float16; vectors (batch-norm statistics,
    biases) stay float32, for a running variance may exceed float16's range.
    """
    tensors = {}
    for name, tensor in state.items():
        shrink = half_precision and tensor.is_floating_point() and tensor.ndim > 1
        tensors[name] = (tensor.half() if shrink else tensor).detach().cpu().contiguous()
    save_file(tensors, path)
    path.chmod(0o644)  # safetensors makes it private; a model is read by whoever runs the node


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read a safetensors file with float tensors as float32; a broken one is an OpenSetError."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise OpenSetError(
            f"cannot read weights {path}: {one_line(error)}; restore the file"
        ) from None
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }


def read_foreign_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read a `.pt` or `.pth` file of tensors, with nothing in it executed.

    Accepts a bare state dict or one under `state_dict` or `model`, and drops the `module.` prefix
    of DataParallel. Raises OpenSetError for anything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd pickle protocols: what is wrong is said below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise OpenSetError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception:
        # Damaged files raise nearly anything (IndexError, struct.error, AssertionError); files
        # that would run code when unpickled raise UnpicklingError.
        raise OpenSetError(
            f"{path} is no PyTorch checkpoint, is damaged, or holds more than tensors and is not "
            "loaded: give a file with a state_dict alone"
        ) from None
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    is_state_dict = isinstance(content, dict) and all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor)
        for name, tensor in content.items()
    )
    if not is_state_dict or not content:
        raise OpenSetError(f"{path} holds no state_dict: save the network's state_dict alone")
    return {name.removeprefix("module."): tensor for name, tensor in content.items()}


def load_strictly(module: nn.Module, state: dict[str, torch.Tensor], source: str | Path) -> None:
    """Copy `state` into `module`; raises OpenSetError that names every key that does not fit.

    Batch-norm's `num_batches_tracked` counters matter to no output and may be absent.
    """
    expected = module.state_dict()
    counters = {name for name in expected if name.endswith("num_batches_tracked")}
    missing = sorted(set(expected) - set(state) - counters)
    unexpected = sorted(set(state) - set(expected))
    misshaped = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in sorted(set(expected) & set(state))
        if state[name].shape != expected[name].shape
    ]
    mistyped = [
        f"{name} {state[name].dtype} instead of {expected[name].dtype}"
        for name in sorted(set(expected) & set(state))
        if state[name].is_floating_point() != expected[name].is_floating_point()
    ]
    problems = [
        f"{len(names)} {kind}: {', '.join(names)}"
        for kind, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", misshaped),
            ("of another type", mistyped),
        )
        if names
    ]
    if problems:
        # A hostile name may hold line ends.
        listed = " ".join("; ".join(problems).split())
        raise OpenSetError(f"{source} does not fit the network: {listed}")
    not_finite = [n for n, t in state.items() if not bool(torch.isfinite(t).all())]
    if not_finite:
        raise OpenSetError(
            f"{source} holds values that are not finite in {', '.join(sorted(not_finite))}: "
            "use another checkpoint"
        )
    module.load_state_dict({**{name: expected[name] for name in counters}, **state})
