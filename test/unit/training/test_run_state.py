from __future__ import annotations

import os
import resource
import signal

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.amp import GradScaler

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.training.run_state import load_run, read_progress, save_run


class Run:
    """A small network with Adam (amsgrad) and a scaler; `step` trains it."""

    def __init__(self, seed: int, scaled: bool = True) -> None:
        torch.manual_seed(seed)
        self.network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=0.1, amsgrad=True)
        self.scaler = GradScaler("cpu", init_scale=64.0, growth_interval=2, enabled=scaled)

    def step(self, number: int) -> None:
        inputs = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(number))
        self.optimiser.zero_grad()
        self.scaler.scale(self.network(inputs).pow(3).mean()).backward()
        self.scaler.step(self.optimiser)
        self.scaler.update()

    def save(self, path, step: int, digest: str = "d") -> None:
        save_run(path, self.network, self.optimiser, self.scaler, step, digest)

    def load(self, path, digest: str = "d") -> int:
        return load_run(path, self.network, self.optimiser, self.scaler, digest)


@pytest.mark.parametrize("scaled", [True, False])
def test_a_restored_run_goes_on_as_if_it_had_not_been_cut(tmp_path, scaled):
    path = tmp_path / "last.safetensors"
    whole = Run(0, scaled)
    for number in range(3):
        whole.step(number)
    whole.save(path, 3)
    restored = Run(1, scaled)
    assert restored.load(path) == 3
    assert restored.scaler.state_dict() == whole.scaler.state_dict()
    for number in range(3, 6):
        whole.step(number)
        restored.step(number)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, restored.network.state_dict()[name]), name
    assert restored.scaler.state_dict() == whole.scaler.state_dict()


def test_the_scale_and_its_count_of_good_steps_are_part_of_the_run(tmp_path):
    path = tmp_path / "last.safetensors"
    run = Run(0)
    for number in range(3):
        run.step(number)
    run.save(path, 3)
    restored = Run(1)
    restored.load(path)
    # Doubled after two good steps; one more counts towards the next.
    assert restored.scaler.get_scale() == 128.0
    assert restored.scaler.state_dict()["_growth_tracker"] == 1


def test_progress_is_read_without_the_tensors(tmp_path):
    path = tmp_path / "last.safetensors"
    Run(0).save(path, 12, "fingerprint")
    assert read_progress(path) == (12, "fingerprint")


def test_an_interruption_while_saving_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "last.safetensors"
    run = Run(0)
    run.save(path, 1)

    def power_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", power_off)
    with pytest.raises(KeyboardInterrupt):
        run.save(path, 2)
    monkeypatch.undo()
    assert read_progress(path)[0] == 1
    run.save(path, 3)
    assert read_progress(path)[0] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["last.safetensors"]


def test_a_full_disk_leaves_the_old_file_and_takes_no_room(tmp_path):
    """A limit on file sizes refuses the write as a full disk does, half way."""
    path = tmp_path / "last.safetensors"
    run = Run(0)
    run.save(path, 1)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(OpenSetError, match=r"cannot write .*last\.safetensors: .*make room"):
            run.save(path, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_of_other_settings_is_not_restored(tmp_path):
    path = tmp_path / "last.safetensors"
    Run(0).save(path, 1, "other")
    with pytest.raises(OpenSetError, match="run with other settings: choose another --output"):
        Run(0).load(path, "own")


def test_a_file_of_another_network_is_refused(tmp_path):
    path = tmp_path / "last.safetensors"
    run = Run(0)
    run.save(path, 1)
    other = Run(0)
    other.network.append(nn.Conv2d(3, 1, 1))
    with pytest.raises(OpenSetError, match=r"2 missing: 2\.bias, 2\.weight"):
        other.load(path)


@pytest.mark.parametrize("damage", ["nonsense", "no metadata", "no step"])
def test_a_damaged_file_is_named_with_the_remedy(tmp_path, damage):
    path = tmp_path / "last.safetensors"
    run = Run(0)
    run.save(path, 1)
    if damage == "nonsense":
        path.write_bytes(b"nonsense")
    else:
        metadata = None if damage == "no metadata" else {"digest": "d", "scaler": "{}"}
        save_file(load_file(path), path, metadata=metadata)
    with pytest.raises(OpenSetError, match=r"cannot resume from .*; delete the run folder"):
        run.load(path)
    with pytest.raises(OpenSetError, match=r"cannot read .*; delete the run folder"):
        read_progress(path)
