from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import yaml

from ldn_openset_ros.data.pasting import ShareSettings
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.network import NetworkSettings
from ldn_openset_ros.recognition.names import RECOGNITION_NAMES
from ldn_openset_ros.recognition.registry import MODULES, RecognitionSettings
from ldn_openset_ros.resources import config_file
from ldn_openset_ros.training.settings import (
    DataSettings,
    DomainSettings,
    LossSettings,
    NegativeSettings,
    NegativeSource,
    OptimiserSettings,
    RoadSource,
    TrainingSettings,
    merge,
    read_experiment,
    read_training_settings,
)


def write(folder, **files):
    """Write YAML files by their stems; return the folder."""
    for stem, values in files.items():
        (folder / f"{stem}.yaml").write_text(yaml.safe_dump(values))
    return folder


def test_the_defaults_are_the_papers_training():
    """METHOD section 3, written out: nothing here comes from the code."""
    settings = asdict(TrainingSettings("paper"))
    assert settings["recognition"]["name"] == "two_heads"
    assert settings["loss"] == {
        "main": 0.6,
        "outlier": 0.2,
        "auxiliary": 0.4,
        "density": 0.0,
        "jaccard": 0.0,
    }
    assert settings["optimiser"] == {
        "learning_rate": 4e-4,
        "backbone_factor": 0.25,
        "weight_decay": 1e-4,
        "eps": 1e-5,
        "amsgrad": True,
    }
    negatives = settings["negatives"]
    # A uniform share from 0.1 % to 10 % is RSP.
    assert negatives.pop("share") == {
        "distribution": "uniform",
        "minimum": 0.001,
        "maximum": 0.1,
    }
    assert set(negatives.pop("photometry").values()) == {0.0}
    assert negatives == {
        "mixed_probability": 0.5,
        "pasting": True,
        "paste_into": "scene",
        "box_extent": 1.0,
        "shapes": ("box",),
        "feather": 0.0,
        "harmonise": 0.0,
        "background_is_inlier": False,
    }
    assert settings["jitter"] == {
        "base": 512,
        "base_probability": 0.3,
        "minimum": 512,
        "maximum": 1536,
        "enlargement": 100.0,
    }
    assert settings["crop"] == (512, 512)
    assert set(settings["photometry"].values()) == {0.0}
    assert (settings["domain"]["style"], settings["domain"]["region"]) == (0.0, 0.0)
    network = settings["network"]
    assert (network["backbone"], network["num_classes"]) == ("densenet169", 19)
    assert (network["pyramid_width"], network["pyramid_level_width"]) == (512, 128)
    assert (network["pyramid_grid_rows"], network["ladder_widths"]) == ((8, 4, 2, 1), (256,) * 3)
    assert network["dropout"] == 0.0
    data = settings["data"]
    (roads,) = data["roads"]
    assert (roads["dataset"], roads["folder"], roads["split"]) == ("vistas", "vistas", "train")
    assert (roads["weight"], roads["without_classes"]) == (None, False)
    assert data["class_probability"] == settings["average"] == 0.0
    assert data["negatives"]["kind"] == "imagenet_boxes"
    assert data["rendered_scenes"] == 0
    assert settings["precision"] == "float32"
    # Not the paper's, which does not say: what trains fastest on a CPU.
    assert (settings["channels_last"], settings["compile"]) == (True, False)


def test_without_rsp_a_paste_has_five_per_cent():
    path = config_file("experiments", "ldn169_vistas.yaml")
    share = read_training_settings(path).negatives.share
    assert (share.distribution, share.maximum) == ("fixed", 0.05)


@pytest.mark.parametrize("name", RECOGNITION_NAMES)
def test_heads_follow_the_recognition_module(name):
    # Whatever heads the network settings name.
    asked = NetworkSettings(segmentation_head="classes_and_outlier", dropout=0.2)
    settings = TrainingSettings("a", recognition=RecognitionSettings(name), network=asked)
    module = MODULES[name]
    assert settings.network.segmentation_head == module.segmentation_head
    assert settings.network.outlier_head == module.outlier_head
    assert settings.network.dropout == 0.2


def test_negatives_are_a_source_or_several(tmp_path):
    pictures = {"kind": "pictures", "folder": "p"}
    write(
        tmp_path,
        one={"name": "one", "data": {"negatives": pictures}},
        several={"name": "several", "data": {"negatives": [pictures, {"kind": "masks"}]}},
        wrong={"name": "wrong", "data": {"negatives": [{"kind": "clouds"}]}},
    )
    one, several = (read_training_settings(tmp_path / f"{n}.yaml") for n in ("one", "several"))
    assert one.data.negatives == NegativeSource("pictures", "p")
    assert several.data.negatives == (NegativeSource("pictures", "p"), NegativeSource("masks"))
    with pytest.raises(OpenSetError, match=r"wrong\.yaml: no negatives of kind 'clouds'"):
        read_training_settings(tmp_path / "wrong.yaml")


def test_another_module_brings_other_heads():
    settings = TrainingSettings("a", recognition=RecognitionSettings("outlier_head"))
    assert settings.network.segmentation_head == "none"
    changed = replace(settings, recognition=RecognitionSettings("c_plus_one"))
    assert changed.network.segmentation_head == "classes_and_outlier"
    assert not changed.network.outlier_head


def test_merge_goes_into_mappings_and_replaces_the_rest():
    values = {"a": {"b": 1, "c": {"d": 2, "e": 3}}, "list": [1, 2, 3], "x": 4}
    changes = {"a": {"c": {"d": 5}}, "list": [6], "y": 7}
    assert merge(values, changes) == {
        "a": {"b": 1, "c": {"d": 5, "e": 3}},
        "list": [6],
        "x": 4,
        "y": 7,
    }
    assert values == {"a": {"b": 1, "c": {"d": 2, "e": 3}}, "list": [1, 2, 3], "x": 4}
    assert merge({"a": {"b": 1}}, {"a": None}) == {"a": None}
    assert merge({"a": [1]}, {"a": {"b": 2}}) == {"a": {"b": 2}}


def test_a_file_starts_from_its_base_and_that_from_its_own(tmp_path):
    (tmp_path / "bases").mkdir()
    write(
        tmp_path / "bases",
        lowest={
            "name": "lowest",
            "jitter": {"base": 300, "minimum": 200},
            "negatives": {"shapes": ["box", "ellipse"], "share": {"maximum": 0.2}},
        },
        middle={"name": "middle", "base": "lowest.yaml", "jitter": {"base": 400}, "seed": 7},
    )
    write(
        tmp_path,
        top={"name": "top", "base": "bases/middle.yaml", "negatives": {"shapes": ["blob"]}},
    )
    settings = read_training_settings(tmp_path / "top.yaml")
    assert settings.name == "top"
    assert settings.seed == 7
    assert (settings.jitter.base, settings.jitter.minimum) == (400, 200)
    assert settings.negatives.shapes == ("blob",)
    assert settings.negatives.share == ShareSettings("uniform", 0.001, 0.2)


def test_two_files_may_share_a_base_at_different_depths(tmp_path):
    write(
        tmp_path,
        common={"seed": 3},
        first={"base": "common.yaml", "steps": 5},
        second={"base": "first.yaml", "steps": 6},
    )
    assert read_experiment(tmp_path / "second.yaml") == {"seed": 3, "steps": 6}


@pytest.mark.parametrize(
    "bases",
    [{"a": "a.yaml"}, {"a": "b.yaml", "b": "a.yaml"}, {"a": "b.yaml", "b": "../x/b.yaml"}],
)
def test_a_circle_of_bases_is_refused(tmp_path, bases):
    folder = tmp_path / "x"
    folder.mkdir()
    write(folder, **{stem: {"base": base} for stem, base in bases.items()})
    with pytest.raises(OpenSetError, match=r"\.yaml is its own base: take `base` out"):
        read_training_settings(folder / "a.yaml")


def test_a_base_that_is_no_path_is_refused(tmp_path):
    write(tmp_path, a={"name": "a", "base": {"seed": 1}})
    with pytest.raises(OpenSetError, match=r"a\.yaml: base must be the path of another"):
        read_training_settings(tmp_path / "a.yaml")


def test_a_base_that_is_not_there_is_named(tmp_path):
    write(tmp_path, a={"name": "a", "base": "gone.yaml"})
    with pytest.raises(OpenSetError, match=r"cannot read .*gone\.yaml"):
        read_training_settings(tmp_path / "a.yaml")


def test_an_unknown_name_is_an_error_that_names_the_file(tmp_path):
    write(tmp_path, a={"name": "a", "optimiser": {"learning_rat": 1.0}})
    with pytest.raises(OpenSetError, match=r"a\.yaml: optimiser\.learning_rat: "):
        read_training_settings(tmp_path / "a.yaml")


def test_shipped_experiments_can_be_read():
    paths = sorted(config_file("experiments").glob("*.yaml"))
    assert len(paths) >= 7
    for path in paths:
        assert read_training_settings(path).name == path.stem


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: LossSettings(main=0.0), "loss.main above 0"),
        (lambda: LossSettings(density=-0.1), "loss weights must be at least 0"),
        (lambda: OptimiserSettings(learning_rate=0.0), "optimiser.learning_rate and"),
        (lambda: OptimiserSettings(eps=0.0), "optimiser.eps must be above 0"),
        (lambda: OptimiserSettings(weight_decay=-1e-4), "weight_decay must be at least 0"),
        (lambda: OptimiserSettings(backbone_factor=-1.0), "backbone_factor and"),
        (lambda: NegativeSettings(mixed_probability=1.5), "mixed_probability and"),
        (lambda: NegativeSettings(harmonise=-0.5), "harmonise: give values from 0 to 1"),
        (lambda: NegativeSettings(feather=-0.1), "feather is -0.1: give a value from 0 to 1"),
        (lambda: NegativeSettings(shapes=()), "shapes is empty"),
        (lambda: NegativeSettings(box_extent=0.0), "box_extent is 0.0"),
        (lambda: DomainSettings(style=1.1), "domain.style and domain.region"),
        (lambda: DomainSettings(region=-0.1), "domain.style and domain.region"),
        (lambda: RoadSource("kitti", "kitti", "train"), "no data set 'kitti': choose camvid"),
        (lambda: RoadSource("camvid", "camvid"), "camvid has splits: name the one to take"),
        (lambda: RoadSource("wilddash1", "w", "val"), "wilddash1 has no splits: leave"),
        (lambda: NegativeSource("clouds"), "no negatives of kind 'clouds': choose pictures"),
        (lambda: NegativeSource("pictures", split="val"), "pictures have no splits: leave"),
        (lambda: DataSettings(roads=()), "data.roads is empty"),
        (lambda: DataSettings(negatives=()), "data.negatives is empty"),
        (lambda: DataSettings(class_probability=1.5), "class_probability: give a value from 0"),
        (
            lambda: DataSettings(roads=(RoadSource("roads", "r", "train", without_classes=True),)),
            "name one with classes first",
        ),
        (
            lambda: RoadSource("roads", "r", "train", weight=0.0),
            "weight of roads is 0.0: give more than 0",
        ),
        (lambda: DataSettings(validation_every=0), "validation_every must be at least 1"),
        (lambda: DataSettings(rendered_scenes=-1), "rendered_scenes must be at least 0"),
        (lambda: DataSettings(rendered_scenes=3, rendered_probability=2.0), "from 0 to 1"),
        (lambda: DataSettings(rendered_probability=0.2), "belong together"),
        (lambda: DataSettings(rendered_scenes=3), "belong together"),
    ],
)
def test_settings_of_a_part_out_of_range_are_refused(make, reason):
    with pytest.raises(OpenSetError, match=reason) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"crop": (30, 64)}, "multiples of 32"),
        ({"crop": (0, 64)}, "multiples of 32, at least 32"),
        ({"batch_size": 1}, "at least 2, or batch norm has no statistics"),
        ({"workers": -1}, "workers, seed and cache_mb must be at least 0"),
        ({"seed": -1}, "workers, seed and cache_mb must be at least 0"),
        ({"cache_mb": -1}, "workers, seed and cache_mb must be at least 0"),
        (
            {"compile": True, "gradient_checkpointing": True},
            "compile and gradient_checkpointing exclude each other",
        ),
        ({"average": 1.0}, "average is 1.0: give a value from 0 to below 1"),
        ({"steps": 0}, "steps, validate_every and checkpoint_every must be at least 1"),
        ({"validate_every": 0}, "must be at least 1"),
        ({"checkpoint_every": 0}, "must be at least 1"),
        ({"imagenet_weights": True}, "for densenet169, run .*--layout torchvision"),
        (
            {
                "imagenet_weights": True,
                "initial_model": "m",
                "network": NetworkSettings("efficientnet_lite0"),
            },
            "exclude each other",
        ),
        ({"recognition": RecognitionSettings("mc_dropout")}, "needs network.dropout above 0"),
        (
            {
                "recognition": RecognitionSettings("outlier_head"),
                "loss": LossSettings(jaccard=1.0),
            },
            "need classes, which outlier_head has not",
        ),
        (
            {
                "recognition": RecognitionSettings("outlier_head"),
                "loss": LossSettings(density=1.0),
            },
            "need classes, which outlier_head has not",
        ),
        (
            {
                "recognition": RecognitionSettings("multi_class"),
                "loss": LossSettings(density=1.0),
            },
            "needs negatives, which multi_class is trained without",
        ),
    ],
)
def test_settings_that_cannot_train_are_refused(change, reason):
    with pytest.raises(OpenSetError, match=reason) as caught:
        TrainingSettings("a", **change)
    assert "\n" not in str(caught.value)
