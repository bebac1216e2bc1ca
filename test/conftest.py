"""Fixtures that several test folders share."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from evaluation_results import Results, drive_results
from hypothesis import HealthCheck, settings

from ldn_openset_ros.inference.calibration import Calibration, WantedRate
from ldn_openset_ros.inference.model_files import (
    EFFICIENTNET_LITE_NORMALISATION,
    DecisionSettings,
    ModelDescription,
    read_description,
    with_calibration,
    write_description,
    write_model,
)
from ldn_openset_ros.nn.network import NetworkSettings, OpenSetNetwork
from ldn_openset_ros.taxonomy import load_taxonomy

# Fuzzed tests: the same examples in every run. `--hypothesis-profile=long` tries 50 times as many.
settings.register_profile(
    "short",
    max_examples=100,
    derandomize=True,
    deadline=None,
    database=None,
    # A test's folder may serve all its examples; files make some slow.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("long", settings.get_profile("short"), max_examples=5000)
settings.load_profile("short")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def _hear_ctrl_c() -> None:
    """Shells have what they run in the background ignore SIGINT, and its children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory) -> Iterator[Path]:
    """The cache of exported networks, one for all tests, in place of the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDN_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The real data, from LDN_DATA; tests that use it are skipped where it is absent."""
    root = Path(os.environ.get("LDN_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (root / "camvid").is_dir():
        pytest.skip(f"no data at {root}: set LDN_DATA to run the tests on real data")
    return root


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """A model folder with a small two-head network of random weights over CamVid's classes."""
    torch.manual_seed(0)
    taxonomy = load_taxonomy("camvid")
    settings = NetworkSettings(
        backbone="efficientnet_lite0",
        num_classes=taxonomy.num_classes,
        pyramid_width=16,
        pyramid_level_width=8,
        ladder_widths=(16, 16, 16),
    )
    network = OpenSetNetwork(settings)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    description = ModelDescription(
        name="tiny",
        network=settings,
        normalisation=EFFICIENTNET_LITE_NORMALISATION,
        taxonomy=taxonomy.to_dict(),
        decision=DecisionSettings(fusion="op_x_msm", threshold=0.5, resolution=0),
        trained=False,
    )
    write_model(folder, description, network)
    return folder


@pytest.fixture(scope="session")
def calibrated_model(tiny_model, tmp_path_factory) -> Path:
    """The tiny model with a calibration of its own fusion: temperature 2.5, threshold 0.39."""
    folder = tmp_path_factory.mktemp("models") / "calibrated"
    shutil.copytree(tiny_model, folder)
    calibration = Calibration(
        score="op_x_msm",
        temperature=2.5,
        threshold=0.39,
        wanted=WantedRate("true_positive_rate", 0.95),
        true_positive_rate=0.951,
        false_positive_rate=0.2,
        ece_before=0.04,
        ece_after=0.01,
        data="folder",
        resolution=0,
        frames=3,
        pixels=9000,
    )
    write_description(folder, with_calibration(read_description(folder), calibration))
    return folder


@pytest.fixture(scope="session")
def drive_evaluation(tmp_path_factory) -> Results:
    """What an evaluation of the shipped model on a rendered drive leaves."""
    return drive_results(tmp_path_factory.mktemp("drive"))
