"""Save and restore a training run, so that a cut run goes on exactly where it stopped."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from torch.amp import GradScaler

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.checkpoint import load_strictly
from ldn_openset_ros.training.files import replacing


def save_run(
    path: Path,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    scaler: GradScaler,
    step: int,
    digest: str,
    average: nn.Module | None = None,
) -> None:
    """Write weights, optimiser and scaler state and the finished steps as one safetensors file.

    digest: a fingerprint of the settings, checked on resuming. average: the network with averaged
    weights, where the run keeps them. The file is replaced at once, so an interruption leaves the
    old one whole, and so does a full disk, which is an OpenSetError.
    """
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": tensor for name, tensor in state.items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {
        "step": str(step),
        "digest": digest,
        "scaler": json.dumps(scaler.state_dict()),
    }
    with replacing(path) as new:
        save_file(tensors, new, metadata=metadata)


def read_progress(path: Path) -> tuple[int, str]:
    """Return the finished steps and the settings' fingerprint of a run's file.

    Raises OpenSetError where it is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
        return int(metadata["step"]), metadata["digest"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise OpenSetError(f"cannot read {path}: {error}; delete the run folder") from None


def load_run(
    path: Path,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    scaler: GradScaler,
    digest: str,
    average: nn.Module | None = None,
) -> int:
    """Restore what `save_run` wrote and return the number of finished steps.

    Raises OpenSetError where the file is damaged or of a run with other settings.
    """
    weights: dict[str, dict[str, torch.Tensor]] = {"network": {}, "average": {}}
    state: dict[int, dict[str, torch.Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            for key in file.keys():  # noqa: SIM118 - safe_open is no mapping
                kind, _, rest = key.partition(".")
                if kind in weights:
                    weights[kind][rest] = file.get_tensor(key)
                else:
                    index, _, name = rest.partition(".")
                    state.setdefault(int(index), {})[name] = file.get_tensor(key)
        step, saved_digest = int(metadata["step"]), metadata["digest"]
        scaler_state = json.loads(metadata["scaler"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise OpenSetError(f"cannot resume from {path}: {error}; delete the run folder") from None
    if saved_digest != digest:
        raise OpenSetError(
            f"{path} belongs to a run with other settings: choose another --output or delete it"
        )
    load_strictly(network, weights["network"], path)
    if average is not None:
        load_strictly(average, weights["average"], path)
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    if scaler_state:
        scaler.load_state_dict(scaler_state)
    return step
