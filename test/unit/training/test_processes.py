"""Training in several processes, started by torchrun, on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import yaml
from torch import distributed, multiprocessing, nn
from torch.amp import GradScaler

from ldn_openset_ros import Predictor
from ldn_openset_ros.data.transforms import JitterSettings
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.network import NetworkSettings
from ldn_openset_ros.nn.processes import (
    ProcessBatchNorm2d,
    mean_over_processes,
    process_count,
    share_batch_norm,
)
from ldn_openset_ros.training.batches import BatchShare, load_batches
from ldn_openset_ros.training.initial import describe, initial_network
from ldn_openset_ros.training.loop import Trainer, prepare
from ldn_openset_ros.training.losses import LossParts
from ldn_openset_ros.training.optimiser import build_optimiser
from ldn_openset_ros.training.pictures import TrainingPictures
from ldn_openset_ros.training.processes import Processes, joined_processes
from ldn_openset_ros.training.settings import (
    DataSettings,
    NegativeSource,
    RoadSource,
    TrainingSettings,
)
from ldn_openset_ros.training.sources import open_sources

SETTINGS = TrainingSettings(
    name="shared",
    network=NetworkSettings(
        "efficientnet_lite0",
        11,
        pyramid_width=16,
        pyramid_level_width=8,
        ladder_widths=(16, 16, 16),
    ),
    data=DataSettings(
        roads=(RoadSource("camvid", "camvid", "train"),),
        validation=RoadSource("camvid", "camvid", "val"),
        negatives=NegativeSource("pictures", "imagenet_samples/train"),
    ),
    jitter=JitterSettings(48, 64, 40),
    crop=(32, 64),
    batch_size=4,
    steps=2,
    workers=0,
)


def take_steps(data: Path) -> list[LossParts]:
    """Train in float64, in which rounding is not blown up to visible differences."""
    with joined_processes(torch.device("cpu")) as processes:
        sources = open_sources(SETTINGS, data)
        description = describe(SETTINGS, sources.taxonomy)
        network = prepare(initial_network(SETTINGS), SETTINGS, processes.device).double()
        optimiser = build_optimiser(network.train(), SETTINGS.optimiser)
        scaler = GradScaler("cpu", enabled=False)
        trainer = Trainer(SETTINGS, description, network, optimiser, scaler, processes)
        pictures = TrainingPictures(SETTINGS, sources.roads, sources.negatives)
        batches = load_batches(pictures, SETTINGS, 0, processes)
        return [trainer.step(batch, step) for step, batch in enumerate(batches, 1)]


def as_process(rank: int, port: int) -> None:
    """Set what torchrun sets for one of two processes."""
    os.environ |= {
        "TORCHELASTIC_RUN_ID": "test",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def take_steps_as(rank: int, port: int, data: Path, folder: Path) -> None:
    as_process(rank, port)
    torch.save([tuple(parts) for parts in take_steps(data)], folder / f"{rank}.pt")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.timeout(180)
def test_two_processes_have_the_losses_of_one_with_the_same_batches(small_data, tmp_path, port):
    multiprocessing.spawn(take_steps_as, (port, small_data, tmp_path), nprocs=2)
    alone = [[part.item() for part in parts] for parts in take_steps(small_data)]
    assert len(alone) == 2
    for rank in range(2):
        shared = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for expected, found in zip(alone, shared, strict=True):
            assert [part.item() for part in found] == pytest.approx(expected, rel=1e-6)


def zeroed_by_dropout(processes: Processes, data: Path) -> list[list[bool]]:
    """Return what the first dropout zeroes in step 3, and in it again, of one and the same input.

    The network's batch norm sees all processes; dropout's own input here does not.
    """
    settings = replace(SETTINGS, network=replace(SETTINGS.network, dropout=0.5))
    sources = open_sources(settings, data)
    network = prepare(initial_network(settings), settings, processes.device).train()
    trainer = Trainer(
        settings,
        describe(settings, sources.taxonomy),
        network,
        build_optimiser(network, settings.optimiser),
        GradScaler("cpu", enabled=False),
        processes,
    )
    seen = []
    network.ladder.dropout.register_forward_hook(
        lambda module, inputs, output: seen.append((output == 0) & (inputs[0] != 0))
    )
    pictures = TrainingPictures(settings, sources.roads, sources.negatives)
    batch = tuple(torch.stack(parts) for parts in zip(pictures[0], pictures[1], strict=True))
    places = []
    for step in (3, 3, 4):
        seen.clear()
        trainer.compute_gradients(batch, step)
        places.append(seen[0].flatten().tolist())
    return places


def zeroed_as(rank: int, port: int, data: Path, folder: Path) -> None:
    as_process(rank, port)
    with joined_processes(torch.device("cpu")) as processes:
        torch.save(zeroed_by_dropout(processes, data), folder / f"{rank}.pt")


@pytest.mark.timeout(180)
def test_dropout_masks_differ_between_processes_and_repeat_by_the_step(small_data, tmp_path, port):
    multiprocessing.spawn(zeroed_as, (port, small_data, tmp_path), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for step, again, next_step in (first, second):
        assert step == again != next_step
        assert 0.3 < sum(step) / len(step) < 0.7
    agreement = [a == b for a, b in zip(first[0], second[0], strict=True)]
    assert 0.4 < sum(agreement) / len(agreement) < 0.6
    assert first[2] != second[0]


@pytest.mark.timeout(180)
def test_torchrun_trains_a_model(small_data, tmp_path):
    config = tmp_path / "shared.yaml"
    values = json.loads(json.dumps(asdict(replace(SETTINGS, steps=1))))
    config.write_text(yaml.safe_dump(values))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = ["-m", "ldn_openset_ros.cli.main", "train", str(config), "--device", "cpu"]
    places = ["--data", str(small_data), "-o", str(tmp_path / "run")]
    finished = subprocess.run(
        [*torchrun, "--nproc-per-node", "2", *command, *places],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert finished.stdout.count("model written to") == 1
    assert len((tmp_path / "run" / "losses.csv").read_text().splitlines()) == 2
    assert Predictor.load(tmp_path / "run" / "model", device="cpu").name == "shared"


def compare_batch_norms(rank: int, port: int, folder: str) -> None:
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    torch.manual_seed(0)
    whole = torch.randn(4, 3, 5, 6)
    reference, shared = nn.BatchNorm2d(3, momentum=0.1), nn.BatchNorm2d(3, momentum=0.1)
    shared = share_batch_norm(nn.Sequential(shared), torch.device("cpu"))[0]
    expected_input = whole.clone().requires_grad_()
    part = slice(2 * rank, 2 * rank + 2)
    share = whole[part].clone().requires_grad_()
    expected = reference(expected_input)
    expected.pow(3).sum().backward()
    found = shared(share)
    found.pow(3).sum().backward()
    assert isinstance(shared, ProcessBatchNorm2d)
    assert torch.allclose(found, expected[part], atol=1e-5)
    assert torch.allclose(share.grad, expected_input.grad[part], atol=1e-4)
    assert torch.allclose(shared.running_mean, reference.running_mean, atol=1e-6)
    assert torch.allclose(shared.running_var, reference.running_var, atol=1e-6)
    assert mean_over_processes(torch.tensor(float(rank))).item() == 0.5
    assert process_count() == 2
    distributed.destroy_process_group()
    Path(folder, str(rank)).touch()


@pytest.mark.timeout(120)
def test_batch_norm_is_that_of_the_whole_batch(tmp_path, port):

    multiprocessing.spawn(compare_batch_norms, (port, str(tmp_path)), nprocs=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


def test_every_process_takes_its_share_of_every_batch():
    shares = [list(BatchShare(4, 1, 3, rank, 2)) for rank in range(2)]
    assert shares == [[[4, 5], [8, 9]], [[6, 7], [10, 11]]]
    assert list(BatchShare(3, 0, 2)) == [[0, 1, 2], [3, 4, 5]]


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(OpenSetError, match="batch_size 5 cannot be shared by 2 processes"):
        BatchShare(5, 0, 1, 0, 2)


def test_without_torchrun_there_is_one_process():
    with joined_processes(torch.device("cpu")) as processes:
        assert processes == Processes(0, 1, torch.device("cpu"))
        assert processes.is_first
    assert mean_over_processes(torch.tensor(3.0)).item() == 3.0
