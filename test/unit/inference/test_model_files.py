from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest
import torch
import yaml
from safetensors.torch import load_file

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.calibration import tempered
from ldn_openset_ros.inference.model_files import (
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    DecisionSettings,
    Normalisation,
    copy_model,
    halve_weights,
    read_description,
    read_network,
    with_calibration,
    write_description,
    write_model,
)
from ldn_openset_ros.nn.network import OpenSetNetwork


def test_a_model_survives_the_way_to_disk(tiny_model, tmp_path):
    description = read_description(tiny_model)
    torch.manual_seed(1)
    network = OpenSetNetwork(description.network, auxiliary_heads=True).eval()
    write_model(tmp_path / "m", description, network)
    again = read_network(tmp_path / "m", read_description(tmp_path / "m"))
    assert read_description(tmp_path / "m") == description
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name]), name
    assert not any(name.startswith("auxiliary") for name in again.state_dict())


def test_halved_weights_are_read_as_the_nearest_numbers(tiny_model, tmp_path):
    folder = copy_model(tiny_model, tmp_path / "half")
    before = read_network(folder, read_description(folder)).state_dict()
    halve_weights(folder)
    stored = load_file(folder / WEIGHTS_FILE)
    convolutions = [name for name, tensor in before.items() if tensor.ndim > 1]
    assert len(convolutions) > 50
    assert all(stored[name].dtype == torch.float16 for name in convolutions)
    for name, tensor in read_network(folder, read_description(folder)).state_dict().items():
        exact = before[name].half().float() if name in convolutions else before[name]
        assert torch.equal(tensor, exact), name
    assert {path.name for path in folder.iterdir()} == {DESCRIPTION_FILE, WEIGHTS_FILE}


def test_a_copy_takes_the_place_of_no_model(tiny_model, tmp_path):
    copy = copy_model(tiny_model, tmp_path / "a" / "copy", without=("*.safetensors",))
    assert [path.name for path in copy.iterdir()] == [DESCRIPTION_FILE]
    with pytest.raises(OpenSetError, match="copy holds a model already: remove it or choose"):
        copy_model(tiny_model, copy)
    assert not (copy / WEIGHTS_FILE).exists()


def test_an_unknown_entry_is_named(tiny_model, tmp_path):
    values = yaml.safe_load((tiny_model / "model.yaml").read_text())
    values["decision"]["treshold"] = 0.4
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(OpenSetError, match=r"model\.yaml.*decision\.treshold"):
        read_description(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "update ldn_openset_ros"),
        ({"network": {"backbone": "efficientnet_lite0", "num_classes": 5}}, "taxonomy of 11"),
        ({"network": {"backbone": "vgg"}}, "unknown backbone"),
    ],
)
def test_descriptions_that_contradict_themselves_are_refused(tiny_model, tmp_path, change, reason):
    values = yaml.safe_load((tiny_model / "model.yaml").read_text()) | change
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(OpenSetError, match=reason):
        read_description(tmp_path)


def test_settings_check_their_ranges():
    with pytest.raises(OpenSetError, match="give a value from 0 to 1"):
        DecisionSettings(threshold=2)
    with pytest.raises(OpenSetError, match="must be above 0"):
        Normalisation((0, 0, 0), (1, 0, 1))


def test_a_calibration_survives_the_way_to_disk(calibrated_model, tiny_model):
    values = yaml.safe_load((calibrated_model / "model.yaml").read_text())
    assert values["calibration"]["temperature"] == 2.5
    assert values["calibration"]["wanted"] == {"kind": "true_positive_rate", "value": 0.95}
    calibrated = read_description(calibrated_model)
    plain = read_description(tiny_model)
    assert plain.calibration is None
    assert "calibration" not in yaml.safe_load((tiny_model / "model.yaml").read_text())
    expected = replace(plain.decision, threshold=0.39)
    assert calibrated == replace(plain, decision=expected, calibration=calibrated.calibration)


def test_a_calibration_of_another_score_leaves_the_decision(tiny_model, calibrated_model):
    plain = read_description(tiny_model)
    other = replace(read_description(calibrated_model).calibration, score="msm")
    assert with_calibration(plain, other) == replace(plain, calibration=other)


def test_the_end_of_a_calibration_takes_its_temperature_out_of_the_threshold(calibrated_model):
    description = read_description(calibrated_model)
    other = replace(description.calibration, score="msm")
    threshold = with_calibration(description, other).decision.threshold
    assert tempered(threshold, 2.5) == pytest.approx(0.39)
    assert threshold == pytest.approx(1 / (1 + (0.61 / 0.39) ** 2.5))
    again = replace(description.calibration, threshold=0.2, temperature=4.0)
    assert with_calibration(description, again).decision.threshold == 0.2


def test_a_description_that_cannot_be_written_is_named_and_the_old_one_stays(tiny_model, tmp_path):
    folder = tmp_path / "m"
    shutil.copytree(tiny_model, folder)
    before = (folder / "model.yaml").read_text()
    (folder / "model.new").mkdir()  # where the new file is made
    with pytest.raises(OpenSetError, match=r"cannot write .*m/model\.yaml: "):
        write_description(folder, read_description(folder))
    assert (folder / "model.yaml").read_text() == before


def test_a_link_to_a_description_stays_one(tiny_model, tmp_path):
    """As `colcon build --symlink-install` installs models."""
    description = replace(read_description(tiny_model), name="linked")
    target = tmp_path / "source.yaml"
    shutil.copy(tiny_model / "model.yaml", target)
    folder = tmp_path / "m"
    folder.mkdir()
    os.symlink(target, folder / "model.yaml")
    write_description(folder, description)
    assert (folder / "model.yaml").is_symlink()
    assert read_description(folder) == description
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "source.yaml"]
