"""A model's folder with any damage: a description that holds, or one OpenSetError, soon."""

from __future__ import annotations

import math
import time
from dataclasses import asdict

import pytest
import torch
import yaml
from fuzzing import attempt, damaged, with_other_entry, yaml_bombs
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.model_files import (
    read_description,
    read_network,
)
from ldn_openset_ros.resources import models_directory
from ldn_openset_ros.taxonomy import Taxonomy


@pytest.fixture(scope="module")
def good() -> bytes:
    """The description of the shipped model, which has all parts, for its first two classes."""
    values = yaml.safe_load((models_directory() / "camvid_lite0" / "model.yaml").read_text())
    values["network"]["num_classes"] = 2
    del values["taxonomy"]["classes"][2:]
    values["class_statistics"] = {"mean": [4.5, 5.0], "std": [1.0, 2.5]}
    return yaml.safe_dump(values, sort_keys=False).encode()


def read(folder, content):
    """The description of a folder with this model.yaml; None where it is refused."""
    (folder / "model.yaml").write_bytes(content)
    found = attempt(read_description, folder)
    if isinstance(found, OpenSetError):
        assert str(folder / "model.yaml") in str(found)
        return None
    settings = {**asdict(found), "taxonomy": asdict(Taxonomy.from_dict(found.taxonomy))}
    assert all(math.isfinite(number) for number in numbers(settings))
    return found


def numbers(value):
    """All numbers in nested dicts and sequences."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for entry in value:
            yield from numbers(entry)
    elif isinstance(value, int | float):
        yield value


@given(st.data())
def test_any_damage_to_the_text_gives_a_description_or_one_error(good, tmp_path, data):
    read(tmp_path, data.draw(damaged(good)))


@given(st.data())
def test_any_other_entry_gives_a_description_or_one_error(good, tmp_path, data):
    values = data.draw(with_other_entry(yaml.safe_load(good)))
    read(tmp_path, yaml.safe_dump(values, allow_unicode=True).encode())


def places(tree, path=()):
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@pytest.mark.parametrize("text", [".nan", ".inf", "-.inf", "null", "[]", "{}", "high"])
def test_a_wrong_value_anywhere_gives_a_description_or_one_error(good, tmp_path, text):
    for path in places(yaml.safe_load(good)):
        values = yaml.safe_load(good)
        parent = values
        for key in path[:-1]:
            parent = parent[key]
        was_number = type(parent[path[-1]]) in (int, float)
        parent[path[-1]] = yaml.safe_load(text)
        description = read(tmp_path, yaml.safe_dump(values).encode())
        assert description is None or not was_number, path
    assert read(tmp_path, good)


@pytest.mark.parametrize("name", yaml_bombs())
def test_bombs_are_refused_soon(tmp_path, name):
    start = time.process_time()
    assert read(tmp_path, yaml_bombs()[name]) is None
    assert time.process_time() - start < 20


@pytest.mark.parametrize("tag", ["object/apply:os.mkdir", "object/new:os.mkdir", "name:os.mkdir"])
def test_python_tags_are_refused_and_not_run(good, tmp_path, tag):
    owned = tmp_path / "owned"
    assert read(tmp_path, good + f"\nextra: !!python/{tag} [{owned}]\n".encode()) is None
    assert not owned.exists()


def test_names_of_many_lines_stay_on_one(good, tmp_path):
    assert read(tmp_path, good + b'\n"a\\nb\\u2028c": 1\n') is None


@pytest.mark.parametrize(
    "change",
    [{"pyramid_width": 10**9}, {"ladder_widths": [10**6] * 3}, {"pyramid_grid_rows": [10**6]}],
)
def test_networks_that_would_not_fit_into_memory_are_refused(good, tmp_path, change):
    values = yaml.safe_load(good)
    values["network"] |= change
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(OpenSetError, match=r"model\.yaml: the network is too large"):
        read_description(tmp_path)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused_with_their_name(tiny_model, tmp_path, value):
    state = load_file(tiny_model / "model.safetensors")
    name = "ladder.modules_coarse_to_fine.1.blend_conv.conv.weight"
    state[name][0, 0, 0, 0] = value
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(OpenSetError, match=rf"model\.safetensors .*not finite in {name}: "):
        read_network(tmp_path, read_description(tiny_model))


def test_a_wrong_shape_is_refused_with_its_name(tiny_model, tmp_path):
    state = load_file(tiny_model / "model.safetensors")
    state["heads.outlier.conv.bias"] = torch.zeros(3)
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(OpenSetError, match=r"heads\.outlier\.conv\.bias \(3,\) instead of \(2,\)"):
        read_network(tmp_path, read_description(tiny_model))
