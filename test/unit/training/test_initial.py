from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import (
    EFFICIENTNET_LITE_NORMALISATION,
    SEMSEG_OD_NORMALISATION,
    DecisionSettings,
    Normalisation,
    read_description,
    write_description,
    write_model,
)
from ldn_openset_ros.nn.network import NetworkSettings, OpenSetNetwork
from ldn_openset_ros.recognition.registry import RecognitionSettings
from ldn_openset_ros.taxonomy import Taxonomy, load_taxonomy
from ldn_openset_ros.training.initial import describe, initial_network
from ldn_openset_ros.training.loop import settings_digest
from ldn_openset_ros.training.settings import LossSettings, TrainingSettings

TAXONOMY = load_taxonomy("camvid")
SETTINGS = TrainingSettings(
    "small",
    network=NetworkSettings(
        "efficientnet_lite0",
        11,
        pyramid_width=16,
        pyramid_level_width=8,
        ladder_widths=(16, 16, 16),
    ),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model with two heads whose every weight differs from those of a new network."""
    network = initial_network(replace(SETTINGS, seed=99))
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.25)
    folder = tmp_path_factory.mktemp("models") / "first"
    write_model(folder, describe(SETTINGS, TAXONOMY), network)
    return folder


def start(model, **changes) -> tuple[dict, dict, dict]:
    """Return the states of the model, of a network started from it and of a new network."""
    settings = replace(SETTINGS, **changes)
    stored = {n: t.float() for n, t in load_file(model / "model.safetensors").items()}
    started = initial_network(replace(settings, initial_model=str(model)))
    return stored, started.state_dict(), initial_network(settings).state_dict()


def parts(state: dict, prefix: str) -> dict:
    return {n: t for n, t in state.items() if n.startswith(prefix) and t.ndim}


def assert_equal(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys()
    assert found
    for name, tensor in found.items():
        assert torch.equal(tensor, expected[name].float()), name


def test_the_network_repeats_by_the_seed():
    first, second, other = (
        initial_network(replace(SETTINGS, seed=seed)).state_dict() for seed in (1, 1, 2)
    )
    assert_equal(parts(first, "heads."), parts(second, "heads."))
    assert not torch.equal(first["heads.outlier.conv.weight"], other["heads.outlier.conv.weight"])


def test_auxiliary_heads_are_built_where_their_loss_counts():
    assert len(initial_network(SETTINGS).auxiliary_heads) == 3
    without = replace(SETTINGS, loss=LossSettings(auxiliary=0.0))
    assert len(initial_network(without).auxiliary_heads) == 0


def test_a_model_is_loaded_whole_but_for_the_auxiliary_heads(model):
    stored, started, fresh = start(model)
    for part in ("backbone.", "pyramid_pooling.", "ladder.", "heads."):
        assert_equal(parts(started, part), parts(stored, part))
    assert_equal(parts(started, "auxiliary_heads."), parts(fresh, "auxiliary_heads."))


def test_a_head_of_another_shape_starts_anew_with_its_norm(model):
    stored, started, fresh = start(model, recognition=RecognitionSettings("c_plus_one"))
    assert_equal(parts(started, "heads.segmentation."), parts(fresh, "heads.segmentation."))
    assert parts(started, "heads.outlier.") == {}
    assert_equal(parts(started, "ladder."), parts(stored, "ladder."))
    # Its norm has the stored one's shape, and yet is not mixed with a new convolution.
    norm = "heads.segmentation.norm.weight"
    assert started[norm].shape == stored[norm].shape
    assert not torch.equal(started[norm], stored[norm])


def test_a_fitting_head_is_loaded_beside_one_that_the_network_lacks(model):
    stored, started, _ = start(model, recognition=RecognitionSettings("outlier_head"))
    assert_equal(parts(started, "heads."), parts(stored, "heads.outlier."))
    stored, started, _ = start(model, recognition=RecognitionSettings("multi_class"))
    assert_equal(parts(started, "heads."), parts(stored, "heads.segmentation."))


def test_a_head_that_the_model_lacks_starts_anew(model, tmp_path):
    settings = replace(SETTINGS, recognition=RecognitionSettings("multi_class"))
    closed = initial_network(replace(settings, initial_model=str(model)))
    write_model(tmp_path / "closed", describe(settings, TAXONOMY), closed)
    stored, started, fresh = start(tmp_path / "closed")
    assert_equal(parts(started, "heads.outlier."), parts(fresh, "heads.outlier."))
    assert_equal(parts(started, "heads.segmentation."), parts(stored, "heads.segmentation."))


def damaged(model, tmp_path, change):
    """Write the model anew with changed weights; return its folder."""
    weights = load_file(model / "model.safetensors")
    change(weights)
    (tmp_path / "model.yaml").write_text((model / "model.yaml").read_text())
    save_file(weights, tmp_path / "model.safetensors")
    return tmp_path


def test_half_a_head_is_not_loaded(model, tmp_path):
    folder = damaged(model, tmp_path, lambda weights: weights.pop("heads.outlier.norm.bias"))
    stored, started, fresh = start(folder)
    assert_equal(parts(started, "heads.outlier."), parts(fresh, "heads.outlier."))
    assert_equal(parts(started, "heads.segmentation."), parts(stored, "heads.segmentation."))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda weights: weights.pop("ladder.modules_coarse_to_fine.0.blend_conv.conv.weight"),
            "1 missing: ladder.modules_coarse_to_fine.0.blend_conv.conv.weight",
        ),
        (lambda weights: weights.update(extra=torch.zeros(1)), "1 unexpected: extra"),
    ],
)
def test_a_body_that_does_not_fit_is_an_error(model, tmp_path, change, reason):
    folder = damaged(model, tmp_path, change)
    with pytest.raises(OpenSetError, match=f"does not fit the network: {reason}"):
        start(folder)


def test_a_ladder_of_another_width_is_an_error(model):
    network = replace(SETTINGS.network, ladder_widths=(16, 16, 32))
    with pytest.raises(OpenSetError, match=r"of another shape: ladder\.") as caught:
        start(model, network=network)
    assert "instead of" in str(caught.value)


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(OpenSetError, match="no model 'gone'"):
        initial_network(replace(SETTINGS, initial_model="gone"))


def test_the_description_follows_the_settings():
    description = describe(replace(SETTINGS, resolution=360), TAXONOMY)
    assert description.name == "small"
    assert description.decision.fusion == "op_x_msm"
    assert description.decision.resolution == 360
    assert description.normalisation == EFFICIENTNET_LITE_NORMALISATION
    assert description.taxonomy == TAXONOMY.to_dict()
    paper = replace(SETTINGS, network=replace(SETTINGS.network, backbone="densenet169"))
    assert describe(paper, TAXONOMY).normalisation == SEMSEG_OD_NORMALISATION
    closed = replace(SETTINGS, recognition=RecognitionSettings("multi_class"))
    assert describe(closed, TAXONOMY).decision.fusion == "msm"
    assert OpenSetNetwork(description.network).heads.outlier is not None


def test_the_normalisation_belongs_to_the_initial_models_weights(model, tmp_path):
    other = Normalisation((120.0, 110.0, 100.0), (60.0, 61.0, 62.0))
    folder = shutil.copytree(model, tmp_path / "other")
    write_description(folder, replace(read_description(folder), normalisation=other))
    started = replace(SETTINGS, initial_model=str(folder))
    assert describe(started, TAXONOMY).normalisation == other


def test_a_head_of_other_classes_starts_anew_and_that_is_told(model, capsys):
    """The same names in another order: every weight fits and means another class."""
    turned = Taxonomy("turned", TAXONOMY.classes[::-1])
    settings = replace(SETTINGS, initial_model=str(model))
    stored = {n: t.float() for n, t in load_file(model / "model.safetensors").items()}
    fresh = initial_network(SETTINGS).state_dict()
    capsys.readouterr()
    found = initial_network(settings, turned).state_dict()
    assert_equal(parts(found, "heads.segmentation."), parts(fresh, "heads.segmentation."))
    assert_equal(parts(found, "heads.outlier."), parts(stored, "heads.outlier."))
    assert_equal(parts(found, "ladder."), parts(stored, "ladder."))
    (line,) = capsys.readouterr().err.splitlines()
    assert "its head of classes starts anew, for id 0 of 11 is bicyclist in turned" in line
    same = initial_network(settings, TAXONOMY).state_dict()
    assert_equal(parts(same, "heads."), parts(stored, "heads."))
    assert capsys.readouterr().err == ""


def test_the_fingerprint_is_of_the_initial_models_content(model, tmp_path):
    def digest(folder) -> str:
        return settings_digest(replace(SETTINGS, initial_model=str(folder)))

    moved = shutil.copytree(model, tmp_path / "moved")
    assert digest(moved) == digest(model) != settings_digest(SETTINGS)
    # What a run does not start from does not count.
    description = read_description(moved)
    write_description(moved, replace(description, decision=DecisionSettings(threshold=0.9)))
    assert digest(moved) == digest(model)
    other = Normalisation((1.0,) * 3, (2.0,) * 3)
    write_description(moved, replace(description, normalisation=other))
    assert digest(moved) != digest(model)
    write_description(moved, description)
    weights = load_file(moved / "model.safetensors")
    weights["heads.outlier.conv.bias"] += 1
    save_file(weights, moved / "model.safetensors")
    assert digest(moved) != digest(model)
    (moved / "model.safetensors").unlink()
    with pytest.raises(OpenSetError, match=r"cannot read .*moved/model\.safetensors"):
        digest(moved)


def test_the_finished_models_score_can_be_chosen():
    chosen = replace(SETTINGS, fusion="dense_hybrid")
    assert describe(chosen, TAXONOMY).decision.fusion == "dense_hybrid"
    assert describe(SETTINGS, TAXONOMY).decision.fusion == "op_x_msm"
    with pytest.raises(OpenSetError, match="unknown fusion 'magic'"):
        describe(replace(SETTINGS, fusion="magic"), TAXONOMY)
