from __future__ import annotations

import re
from dataclasses import fields

import pytest
import yaml

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import DecisionSettings
from ldn_openset_ros.resources import config_file
from ldn_openset_ros.ros.parameters import (
    DEFAULTS,
    PARAMETERS,
    NodeSettings,
    allowed_values,
    check_value,
    out_of_range,
    wrong_type,
)
from ldn_openset_ros.score_names import SCORE_NAMES

MODEL_OWN = {"resolution", "fusion", "threshold", "smoothing"}
GOOD = {
    "resolution": (0, 512, 8192),
    "fusion": ("op", "op_plus_msm", "dense_hybrid", "standardised_max_logit", "energy"),
    "allow_multi_pass": (True, False),
    "threshold": (0.0, 0.5, 1.0, 0, 1, "calibrated"),
    "precision": ("auto", "float16"),
    "image_transport": ("raw", "compressed"),
    "smoothing": (0.0, 20.0),
    "device": ("cuda:7",),
    "cameras": (("",), ["front"], ["front", "rear_left", "cam2"]),
    "output_scale": (0.05, 1.0),
}
BAD = {
    "resolution": (-1, 8193),
    "fusion": ("", "OP", "magic"),
    "threshold": (-0.01, 1.01, float("nan"), float("inf"), 2, True, "high", "0.5", None, [0.5]),
    "precision": ("int4",),
    "image_transport": ("theora",),
    "smoothing": (-1.0, 20.1),
    "overlay_opacity": (-0.1, 1.1),
    "max_age": (-1.0, 1e9),
    "cameras": ([], ["front", "front"], ["front", ""], ["a/b"], ["2nd"], ["a__b"], ["a b"], ["é"]),
    "max_batch": (0, 65),
}


def test_names_are_those_of_the_design():
    assert set(PARAMETERS) == {
        *("model", "device", "backend", "precision", "resolution", "fusion", "threshold"),
        *("smoothing", "image_transport", "overlay_opacity", "max_age", "allow_multi_pass"),
        *("autostart", "temporal_smoothing", "cameras", "max_batch", "output_scale"),
        *("min_region_pixels", "min_hits", "mount_height", "mount_pitch"),
        *("obstacle_source", "obstacle_frame", "obstacle_max_range", "obstacle_stride"),
    }
    assert set(PARAMETERS) == {f.name for f in fields(NodeSettings)}


def test_the_models_own_values_have_no_default_here():
    own = {f.name for f in fields(DecisionSettings)} & set(PARAMETERS)
    assert own == MODEL_OWN
    assert set(DEFAULTS) == set(PARAMETERS) - own
    assert DEFAULTS["allow_multi_pass"] is False


def test_live_parameters():
    live = {name for name, info in PARAMETERS.items() if info.live}
    assert live == {
        *("fusion", "threshold", "smoothing", "overlay_opacity", "max_age"),
        *("min_region_pixels", "obstacle_max_range", "obstacle_stride", "temporal_smoothing"),
    }


def test_everything_is_described():
    for name, info in PARAMETERS.items():
        assert info.description.endswith("."), name
        assert info.constraints or info.choices or info.bounds, name


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in GOOD.items() for v in values])
def test_good_values(name, value):
    check_value(name, value)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
def test_bad_values_are_refused_with_the_remedy(name, value):
    with pytest.raises(OpenSetError, match=rf"^parameter {name} is .*: give ") as error:
        check_value(name, value)
    assert "\n" not in str(error.value)


def test_errors_say_what_to_write():
    assert str(out_of_range("smoothing")).endswith("give a value from 0 to 20")
    assert str(out_of_range("threshold")).endswith("give a value from 0 to 1 or calibrated")
    assert str(wrong_type("smoothing", 0.5)).endswith("with a decimal point, for example 0.5")
    assert str(wrong_type("resolution", 0)).endswith("a whole number, for example 0")
    assert str(wrong_type("device", "auto")).endswith("a text, for example 'auto'")
    assert str(wrong_type("allow_multi_pass", False)) == (
        "parameter allow_multi_pass has a wrong type: give true or false"
    )


def test_fusion_takes_every_score():
    assert PARAMETERS["fusion"].choices == SCORE_NAMES
    assert "op_plus_msm" in allowed_values("fusion")


def test_defaults_are_allowed():
    for name, value in DEFAULTS.items():
        check_value(name, value)


def test_the_shipped_file_lists_every_parameter_with_its_default():
    text = config_file("openset.yaml").read_text()
    ((node, content),) = yaml.safe_load(text).items()
    assert node == "/**/openset"
    values = content["ros__parameters"]
    assert {**values, "cameras": tuple(values["cameras"])} == DEFAULTS
    commented = dict(re.findall(r"^    # ([a-z_]+): (\S+)$", text, re.MULTILINE))
    assert set(commented) == MODEL_OWN
    own = DecisionSettings()
    values = {name: yaml.safe_load(value) for name, value in commented.items()}
    assert values == {name: getattr(own, name) for name in MODEL_OWN}


def test_the_shipped_file_comments_every_parameter():
    lines = config_file("openset.yaml").read_text().splitlines()
    for number, line in enumerate(lines):
        match = re.match(r"    (?:# )?([a-z_]+): ", line)
        if not match or match[1] not in PARAMETERS:
            continue
        info = PARAMETERS[match[1]]
        comment, above = "", number - 1
        while lines[above].startswith("    #"):
            comment, above = lines[above] + comment, above - 1
        assert ("Live." in comment) == info.live, match[1]
        for choice in (*info.choices, *info.words):
            assert choice in comment, match[1]
        for bound in info.bounds or ():
            assert f"{bound:g}" in comment, match[1]
