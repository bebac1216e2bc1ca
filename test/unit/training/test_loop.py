from __future__ import annotations

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.amp import GradScaler

from ldn_openset_ros import Predictor
from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.transforms import JitterSettings
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import read_description
from ldn_openset_ros.nn.gradient_checkpointing import RecomputableBlock
from ldn_openset_ros.nn.network import NetworkSettings
from ldn_openset_ros.recognition.names import RECOGNITION_NAMES
from ldn_openset_ros.recognition.registry import MODULES, RecognitionSettings
from ldn_openset_ros.training.initial import describe, initial_network
from ldn_openset_ros.training.loop import Trainer, is_finished, prepare, settings_digest, train
from ldn_openset_ros.training.optimiser import build_optimiser
from ldn_openset_ros.training.pictures import TrainingPictures
from ldn_openset_ros.training.processes import Processes
from ldn_openset_ros.training.settings import (
    DataSettings,
    NegativeSettings,
    NegativeSource,
    OptimiserSettings,
    RoadSource,
    TrainingSettings,
)
from ldn_openset_ros.training.sources import open_sources
from ldn_openset_ros.training.validation import ValidationScenes

SMALL_DATA = DataSettings(
    roads=(RoadSource("camvid", "camvid", "train"),),
    validation=RoadSource("camvid", "camvid", "val"),
    negatives=NegativeSource("pictures", "imagenet_samples/train"),
)
SETTINGS = TrainingSettings(
    name="small",
    network=NetworkSettings(
        "efficientnet_lite0",
        11,
        pyramid_width=16,
        pyramid_level_width=8,
        ladder_widths=(16, 16, 16),
    ),
    data=SMALL_DATA,
    negatives=NegativeSettings(mixed_probability=0.8),
    jitter=JitterSettings(48, 64, 40),
    optimiser=OptimiserSettings(learning_rate=2e-3),
    crop=(32, 64),
    batch_size=4,
    steps=4,
    validate_every=2,
    checkpoint_every=2,
    workers=0,
)


def read_csv(path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Cut(Exception):
    """Stands for the power going off."""


MC_DROPOUT = replace(
    SETTINGS,
    recognition=RecognitionSettings("mc_dropout", passes=2),
    network=replace(SETTINGS.network, dropout=0.3),
)
CHECKPOINTED = replace(SETTINGS, gradient_checkpointing=True)
CONTIGUOUS = replace(SETTINGS, channels_last=False)
AVERAGED = replace(SETTINGS, average=0.5)


def train_cut(settings, data, output, monkeypatch, then=None):
    """Train, lose the power in step 4, and go on, with the settings `then` if given."""
    whole_step = Trainer.step

    def cut_after_three(trainer, batch, step):
        if step == 4:
            raise Cut
        return whole_step(trainer, batch, step)

    monkeypatch.setattr(Trainer, "step", cut_after_three)
    with pytest.raises(Cut):
        train(settings, data, output)
    monkeypatch.undo()
    train(then or settings, data, output)


def assert_same_run(first, second):
    assert read_csv(first / "losses.csv") == read_csv(second / "losses.csv")
    assert read_csv(first / "validation.csv") == read_csv(second / "validation.csv")
    weights = [load_file(run / "model" / "model.safetensors") for run in (first, second)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    texts = [(run / "model" / "model.yaml").read_text() for run in (first, second)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "settings",
    [SETTINGS, MC_DROPOUT, CHECKPOINTED, CONTIGUOUS, AVERAGED],
    ids=["plain", "dropout", "checkpointing", "contiguous", "averaged"],
)
def test_a_run_cut_in_two_equals_an_uncut_one(small_data, tmp_path, monkeypatch, settings):
    train(settings, small_data, tmp_path / "whole")
    train_cut(settings, small_data, tmp_path / "cut", monkeypatch)
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def test_the_averaged_weights_are_the_model_and_the_others_are_trained(small_data, tmp_path):
    for name, settings in (("plain", SETTINGS), ("averaged", AVERAGED)):
        train(settings, small_data, tmp_path / name)
    assert read_csv(tmp_path / "plain" / "losses.csv") == read_csv(
        tmp_path / "averaged" / "losses.csv"
    )
    run = load_file(tmp_path / "averaged" / "last.safetensors")
    models = {
        name: load_file(tmp_path / name / "model/model.safetensors")
        for name in ("plain", "averaged")
    }
    key = "heads.segmentation.conv.weight"
    assert torch.equal(models["plain"][key], run[f"network.{key}"])
    assert torch.equal(models["averaged"][key], run[f"average.{key}"])
    assert not torch.equal(models["plain"][key], models["averaged"][key])


def test_the_model_so_far_is_there_before_the_end(small_data, tmp_path, monkeypatch):
    """Of step 2, which was validated, when the power goes off in step 4."""
    train_cut(SETTINGS, small_data, tmp_path / "cut", monkeypatch)
    train(replace(SETTINGS, validate_every=9), small_data, tmp_path / "whole")
    so_far, model = (
        load_file(tmp_path / "cut" / folder / "model.safetensors")
        for folder in ("model_so_far", "model")
    )
    assert so_far.keys() == model.keys()
    assert any(not torch.equal(so_far[name], model[name]) for name in model)
    assert not (tmp_path / "whole" / "model_so_far").exists()
    Predictor.load(tmp_path / "cut" / "model_so_far", device="cpu")


def test_dropout_draws_other_masks_every_step(small_data):
    sources = open_sources(MC_DROPOUT, small_data)
    batch = [t[None].repeat(4, *[1] * t.ndim) for t in pictures_of(sources)[0]]
    losses = [new_trainer(MC_DROPOUT, sources).step(batch, step).total for step in (1, 1, 2)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def pictures_of(sources) -> TrainingPictures:
    return TrainingPictures(SETTINGS, sources.roads, sources.negatives)


def new_trainer(settings, sources) -> Trainer:
    network = prepare(initial_network(settings), settings, torch.device("cpu")).train()
    return Trainer(
        settings,
        describe(settings, sources.taxonomy),
        network,
        build_optimiser(network, settings.optimiser),
        GradScaler("cpu", enabled=False),
        Processes(0, 1, torch.device("cpu")),
    )


def test_gradient_checkpointing_changes_nothing_and_may_be_switched_on_resuming(
    small_data, tmp_path, monkeypatch
):
    train(SETTINGS, small_data, tmp_path / "plain")
    train(CHECKPOINTED, small_data, tmp_path / "checkpointed")
    assert_same_run(tmp_path / "plain", tmp_path / "checkpointed")
    train_cut(SETTINGS, small_data, tmp_path / "switched", monkeypatch, then=CHECKPOINTED)
    assert_same_run(tmp_path / "plain", tmp_path / "switched")


def test_the_layout_changes_results_by_rounding_alone(small_data, tmp_path):
    settings = replace(SETTINGS, optimiser=OptimiserSettings(learning_rate=1e-4), steps=2)
    for name, chosen in (("last", True), ("first", False)):
        train(replace(settings, channels_last=chosen), small_data, tmp_path / name)
    assert np.allclose(losses_of(tmp_path / "last"), losses_of(tmp_path / "first"), rtol=1e-3)


@pytest.mark.parametrize("settings", [SETTINGS, CONTIGUOUS], ids=["channels last", "contiguous"])
def test_the_network_gets_normalised_pictures_in_the_layout_asked_for(small_data, settings):
    sources = open_sources(settings, small_data)
    trainer = new_trainer(settings, sources)
    rgb = torch.arange(2 * 32 * 64 * 3).remainder(256).to(torch.uint8).view(2, 32, 64, 3)
    seen = []
    trainer._model.register_forward_pre_hook(lambda _, inputs: seen.append(*inputs))
    truth = torch.zeros(2, 32, 64, dtype=torch.uint8)
    trainer.step((rgb, truth, truth), 1)
    (image,) = seen
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    assert image.is_contiguous(memory_format=layout)
    # EfficientNet-Lite's: (x - 127) / 128.
    expected = (rgb.permute(0, 3, 1, 2).double() - 127) / 128
    assert torch.equal(image.double(), expected)
    weight = next(p for p in trainer._model.parameters() if p.ndim == 4 and p.shape[2] == 3)
    assert weight.is_contiguous(memory_format=layout)


def test_checkpointing_is_asked_for_by_the_settings():
    plain, checkpointed = (
        [
            module.gradient_checkpointing
            for module in prepare(
                initial_network(settings), settings, torch.device("cpu")
            ).modules()
            if isinstance(module, RecomputableBlock)
        ]
        for settings in (SETTINGS, CHECKPOINTED)
    )
    assert not any(plain)
    assert len(checkpointed) > 10
    assert all(checkpointed)


def losses_of(run) -> np.ndarray:
    """Return total, segmentation, outlier, auxiliary of every step."""
    return np.array([[float(v) for v in row.values()][1:] for row in read_csv(run / "losses.csv")])


def test_bfloat16_trains_on_the_cpu_near_float32(small_data, tmp_path):
    settings = replace(SETTINGS, optimiser=OptimiserSettings(learning_rate=1e-4))
    train(settings, small_data, tmp_path / "float32")
    train(replace(settings, precision="bfloat16"), small_data, tmp_path / "bfloat16")
    wide, narrow = (losses_of(tmp_path / name) for name in ("float32", "bfloat16"))
    assert np.isfinite(narrow).all()
    assert not np.array_equal(wide, narrow)
    assert np.allclose(narrow, wide, rtol=0.1)
    stored = load_file(tmp_path / "bfloat16" / "last.safetensors")
    assert stored["network.heads.outlier.conv.weight"].dtype == torch.float32


def test_the_precision_may_be_switched_on_resuming(small_data, tmp_path, monkeypatch):
    narrow = replace(SETTINGS, precision="bfloat16")
    train_cut(narrow, small_data, tmp_path / "switched", monkeypatch, then=SETTINGS)
    train(narrow, small_data, tmp_path / "narrow")
    switched, whole = (losses_of(tmp_path / name) for name in ("switched", "narrow"))
    assert np.array_equal(switched[:2], whole[:2]), "up to the checkpoint of step 2"
    assert not np.array_equal(switched[2:], whole[2:])
    assert np.allclose(switched, whole, rtol=0.1)


def test_training_learns_the_classes_and_the_outliers(small_data, tmp_path):
    fast = OptimiserSettings(learning_rate=1e-2)
    settings = replace(SETTINGS, optimiser=fast, steps=20, validate_every=20)
    model = train(settings, small_data, tmp_path)
    losses = [float(row["total"]) for row in read_csv(tmp_path / "losses.csv")]
    assert len(losses) == 20
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    row = read_csv(tmp_path / "validation.csv")[-1]
    assert row["step"] == "20"
    assert {"mIoU", "op_AP", "msm_AP", "op_x_msm_FPR95"} <= set(row)
    trained = load_file(tmp_path / "last.safetensors")
    for name, tensor in load_file(model / "model.safetensors").items():
        assert torch.equal(tensor, trained[f"network.{name}"]), name
    scene = CamVid(small_data / "camvid", "train")[0]
    labels = Predictor.load(model, device="cpu", resolution=0)(scene.rgb).labels
    assert labels.shape == scene.labels.shape


def test_a_run_of_other_settings_is_not_continued(small_data, tmp_path):
    train(replace(SETTINGS, steps=1), small_data, tmp_path)
    with pytest.raises(OpenSetError, match="other settings: choose another --output"):
        train(replace(SETTINGS, steps=1, seed=9), small_data, tmp_path)


@pytest.mark.timeout(120)
def test_a_worker_process_makes_the_same_pictures(small_data, tmp_path):
    for workers in (0, 1):
        settings = replace(SETTINGS, steps=2, workers=workers)
        train(settings, small_data, tmp_path / str(workers))
    assert read_csv(tmp_path / "0" / "losses.csv") == read_csv(tmp_path / "1" / "losses.csv")


def test_a_damaged_run_file_is_named(small_data, tmp_path):
    (tmp_path / "last.safetensors").write_bytes(b"nonsense")
    with pytest.raises(OpenSetError, match=r"cannot resume from .*last\.safetensors"):
        train(SETTINGS, small_data, tmp_path)


def test_a_run_can_start_from_a_model(small_data, tmp_path):
    model = train(replace(SETTINGS, steps=1), small_data, tmp_path / "first")
    settings = replace(SETTINGS, initial_model=str(model))
    network = initial_network(settings)
    for name, tensor in load_file(model / "model.safetensors").items():
        if name.endswith("num_batches_tracked"):
            continue
        assert torch.equal(network.state_dict()[name], tensor.to(torch.float32)), name
    assert len(network.auxiliary_heads) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"workers": 3},
        {"gradient_checkpointing": True},
        {"cache_mb": 0},
        {"channels_last": False},
        {"compile": True},
        {"precision": "bfloat16"},
        {"validate_every": 9},
        {"checkpoint_every": 9},
        {"data": replace(SMALL_DATA, validation_every=2)},
    ],
)
def test_digest_ignores_what_leaves_the_weights_alone(change):
    assert settings_digest(SETTINGS) == settings_digest(replace(SETTINGS, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"steps": 5},
        {"average": 0.9},
        {"negatives": NegativeSettings(mixed_probability=0.8, pasting=False)},
        {"data": replace(SMALL_DATA, negatives=NegativeSource("pictures", "elsewhere"))},
    ],
)
def test_digest_tells_apart_what_changes_the_weights(change):
    assert settings_digest(SETTINGS) != settings_digest(replace(SETTINGS, **change))


def test_every_second_validation_scene_can_be_taken(small_data, tmp_path):
    sources = open_sources(SETTINGS, small_data)
    every = ValidationScenes(sources.validation, sources.negatives)
    second = ValidationScenes(sources.roads, sources.negatives, 2)
    assert [scene.name for scene in every] == ["seq_000", "seq_001"]
    assert [scene.name for scene in second] == ["seq_000", "seq_002"]
    # The scenes that stay are the same ones.
    whole = ValidationScenes(sources.roads, sources.negatives)
    assert np.array_equal(second[1].rgb, whole[2].rgb)

    rows = {}
    for step in (1, 2):
        settings = replace(SETTINGS, steps=1, data=replace(SMALL_DATA, validation_every=step))
        train(settings, small_data, tmp_path / str(step))
        rows[step] = read_csv(tmp_path / str(step) / "validation.csv")
    assert rows[1] != rows[2]
    assert load_file(tmp_path / "1" / "last.safetensors").keys()
    assert read_csv(tmp_path / "1" / "losses.csv") == read_csv(tmp_path / "2" / "losses.csv")


def test_a_run_is_finished_when_all_its_steps_and_its_model_are_there(
    small_data, tmp_path, monkeypatch
):
    assert not is_finished(SETTINGS, tmp_path)
    whole_step = Trainer.step

    def cut_after_three(trainer, batch, step):
        if step == 4:
            raise Cut
        return whole_step(trainer, batch, step)

    monkeypatch.setattr(Trainer, "step", cut_after_three)
    with pytest.raises(Cut):
        train(SETTINGS, small_data, tmp_path)
    assert not is_finished(SETTINGS, tmp_path)
    monkeypatch.undo()
    train(SETTINGS, small_data, tmp_path)
    assert is_finished(SETTINGS, tmp_path)
    assert is_finished(replace(SETTINGS, workers=2), tmp_path)
    assert not is_finished(replace(SETTINGS, seed=8), tmp_path)
    # Power lost between the last step and the model: the run goes on and writes it.
    shutil.rmtree(tmp_path / "model")
    assert not is_finished(SETTINGS, tmp_path)
    train(SETTINGS, small_data, tmp_path)
    assert is_finished(SETTINGS, tmp_path)
    steps = [row["step"] for row in read_csv(tmp_path / "validation.csv")]
    assert steps == ["2", "4"]


@pytest.mark.parametrize("name", RECOGNITION_NAMES)
def test_every_recognition_module_trains_to_a_model_that_gives_maps(small_data, tmp_path, name):
    settings = replace(
        MC_DROPOUT, recognition=RecognitionSettings(name, passes=2), steps=1, batch_size=8
    )
    module = MODULES[name]
    model = train(settings, small_data, tmp_path)
    (losses,) = losses_of(tmp_path)
    total, segmentation, outlier, auxiliary = losses
    assert np.isfinite(losses).all()
    assert total > 0
    assert auxiliary > 0
    assert (segmentation > 0) == module.gives_classes
    has_outlier_part = name in ("two_heads", "outlier_head", "confidence", "outlier_exposure")
    assert (outlier > 0) == has_outlier_part

    predictor = Predictor.load(model, device="cpu")
    assert predictor.recognition == name
    assert predictor.fusion == module.default_score
    scene = CamVid(small_data / "camvid", "val")[0]
    maps = predictor(scene.rgb)
    assert maps.labels.shape == maps.outlier.shape == maps.open_set.shape == (48, 64)
    assert maps.outlier.min() >= 0
    assert maps.outlier.max() <= 1
    assert (maps.labels < 11).all() if module.gives_classes else (maps.labels == 255).all()
    assert set(np.unique(maps.open_set)) <= {*range(12), 255}

    (row,) = read_csv(tmp_path / "validation.csv")
    assert ("mIoU" in row) == module.gives_classes
    assert f"{module.default_score}_AP" in row
    statistics = read_description(model).class_statistics
    if module.gives_classes:
        assert len(statistics.mean) == len(statistics.std) == 11
        assert "standardised_max_logit" in predictor.usable_scores
    else:
        assert statistics is None


def test_odin_is_trained_as_the_multi_class_network_that_it_looks_at_again(small_data, tmp_path):
    weights = {}
    for name in ("multi_class", "odin"):
        settings = replace(SETTINGS, recognition=RecognitionSettings(name), steps=2)
        train(settings, small_data, tmp_path / name)
        weights[name] = load_file(tmp_path / name / "model" / "model.safetensors")
    assert weights["odin"].keys() == weights["multi_class"].keys()
    for key, tensor in weights["odin"].items():
        assert torch.equal(tensor, weights["multi_class"][key]), key


def test_class_statistics_are_those_of_the_training_scenes(small_data, tmp_path):
    model = train(replace(SETTINGS, steps=1), small_data, tmp_path)
    statistics = read_description(model).class_statistics
    predictor = Predictor.load(model, device="cpu")
    scenes = CamVid(small_data / "camvid", "train")
    best, index = (
        np.concatenate([map_.numpy().ravel() for map_ in maps])
        for maps in zip(*(predictor.best_logit(scene.rgb) for scene in scenes), strict=True)
    )
    # The model's folder holds the weights in half precision.
    for label in np.unique(index):
        chosen = best[index == label]
        if len(chosen) > 100:
            assert statistics.mean[label] == pytest.approx(chosen.mean(), abs=0.05)
            assert statistics.std[label] == pytest.approx(chosen.std(), abs=0.05)
