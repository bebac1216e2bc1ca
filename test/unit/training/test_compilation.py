"""torch.compile with the real compiler, on a network that it compiles in seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.amp import GradScaler

from ldn_openset_ros.nn.heads import HeadLogits
from ldn_openset_ros.nn.network import NetworkOutput, NetworkSettings
from ldn_openset_ros.taxonomy import load_taxonomy
from ldn_openset_ros.training.initial import describe
from ldn_openset_ros.training.loop import Trainer, prepare
from ldn_openset_ros.training.optimiser import build_optimiser
from ldn_openset_ros.training.processes import Processes
from ldn_openset_ros.training.run_state import load_run, save_run
from ldn_openset_ros.training.settings import OptimiserSettings, TrainingSettings

SETTINGS = TrainingSettings(
    "tiny",
    network=NetworkSettings("efficientnet_lite0", num_classes=11),
    optimiser=OptimiserSettings(learning_rate=0.01),
    crop=(32, 64),
    batch_size=2,
    steps=4,
)


class TinyNetwork(nn.Module):
    """A backbone and two heads of a layer each; to compile a real one takes minutes."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3, 4, 1), nn.BatchNorm2d(4), nn.ReLU())
        self.heads = nn.Conv2d(4, 13, 1)

    def forward(self, image: torch.Tensor) -> NetworkOutput:
        logits = self.heads(self.backbone(image))
        return NetworkOutput(HeadLogits(logits[:, :11], logits[:, 11:]), ())


class Run:
    """Steps on fixed random batches, by a network of its own."""

    def __init__(self, compiled: bool) -> None:
        torch.manual_seed(0)
        settings = replace(SETTINGS, compile=compiled)
        self.network = prepare(TinyNetwork(), settings, torch.device("cpu")).train()
        self.optimiser = build_optimiser(self.network, settings.optimiser)
        self.scaler = GradScaler("cpu", enabled=False)
        self.trainer = Trainer(
            settings,
            describe(settings, load_taxonomy("camvid")),
            self.network,
            self.optimiser,
            self.scaler,
            Processes(0, 1, torch.device("cpu")),
        )

    def losses(self, *steps: int) -> list[float]:
        return [self.trainer.step(batch(step), step).total.item() for step in steps]


def batch(step: int) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(step)
    size = (2, 32, 64)
    rgb = torch.randint(256, (*size, 3), generator=random, dtype=torch.uint8)
    labels = torch.randint(11, size, generator=random, dtype=torch.uint8)
    return rgb, labels, torch.randint(2, size, generator=random, dtype=torch.uint8)


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
def test_a_compiled_run_trains_as_the_network_itself_and_resumes_exactly(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    plain, whole, cut = Run(compiled=False), Run(compiled=True), Run(compiled=True)
    expected = plain.losses(1, 2, 3, 4)
    losses = whole.losses(1, 2)
    path = tmp_path / "last.safetensors"
    save_run(path, whole.network, whole.optimiser, whole.scaler, 2, "d")
    losses += whole.losses(3, 4)
    assert losses == pytest.approx(expected, rel=1e-4)
    assert len(set(losses)) == 4

    # As a new process would: nothing compiled is left, and the weights come from the file.
    torch.compiler.reset()
    assert load_run(path, cut.network, cut.optimiser, cut.scaler, "d") == 2
    assert cut.losses(3, 4) == losses[2:]
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, cut.network.state_dict()[name]), name


@pytest.mark.parametrize(("variable", "compiler"), [("PATH", "g++"), ("CXX", "/nowhere/c++")])
def test_a_missing_compiler_is_one_line_that_names_the_setting(tmp_path, variable, compiler):
    """In a process of its own, for torch looks for a compiler once in each."""
    code = (
        "import torch; from ldn_openset_ros.training.compilation import compile_network;"
        "compile_network(torch.nn.ReLU())(torch.zeros(2, requires_grad=True))"
    )
    environment = {
        **{name: value for name, value in os.environ.items() if name != "CXX"},
        variable: compiler if variable == "CXX" else "/nowhere",
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path),
    }
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 1
    error = finished.stderr.splitlines()[-1]
    assert error.startswith(
        "ldn_openset_ros.errors.OpenSetError: compile: No working C++ compiler found"
    )
    assert f"'{compiler}'" in error
    assert error.endswith("install a C++ compiler (g++, or CXX=...), or set compile to false")
