"""Parameters of any value: accepted and allowed, or refused with one line."""

from __future__ import annotations

import array
import math

import pytest
from fuzzing import NUMBERS, TEXTS, YAML_VALUES, attempt
from hypothesis import given
from hypothesis import strategies as st

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.registry import choose_device
from ldn_openset_ros.inference.model_files import DESCRIPTION_FILE, find_model
from ldn_openset_ros.ros.parameters import PARAMETERS, check_value, own_values

# ROS arrays come as array.array.
ARRAYS = st.lists(st.floats(), max_size=4).map(lambda values: array.array("d", values))
WORDS = st.sampled_from(
    sorted({word for info in PARAMETERS.values() for word in (*info.words, *info.choices)})
)
VALUES = st.one_of(NUMBERS, YAML_VALUES, ARRAYS, WORDS)
BOUNDED = [name for name, info in PARAMETERS.items() if info.bounds]
LONG_TEXTS = st.one_of(
    st.text(),
    TEXTS.map(lambda text: text * 1000),
    st.sampled_from(["", ".", "/", "~", "/root/x", "a" * 5000, "a/" * 3000, "\0", "\ud800"]),
)


def is_allowed(name, value):
    """Whether a value is what a parameter's description says."""
    info = PARAMETERS[name]
    if info.bounds:
        low, high = info.bounds
        is_number = type(value) in (int, float)
        return value in info.words or (is_number and low <= value <= high)
    if name == "cameras":
        return isinstance(value, list) and (value == [""] or are_camera_names(value))
    return value in info.choices or not info.choices


def are_camera_names(names):
    """Whether there are names, each once, of letters, digits and single underscores between."""
    parts = [part for name in names if isinstance(name, str) for part in name.split("_")]
    return (
        all(isinstance(name, str) and name[:1].isalpha() for name in names)
        and all(part.isalnum() and part.isascii() for part in parts)
        and len(set(names)) == len(names) > 0
    )


@pytest.mark.parametrize("name", PARAMETERS)
@given(VALUES)
def test_what_is_accepted_is_allowed_and_the_rest_is_one_error(name, value):
    refusal = attempt(check_value, name, value)
    assert (refusal is None) == is_allowed(name, value)
    assert refusal is None or str(refusal).startswith(f"parameter {name} is ")


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "1", None, True, [1.0]])
def test_bounded_numbers_are_finite_numbers(name, value):
    with pytest.raises(OpenSetError, match=f"parameter {name} is .*: give "):
        check_value(name, value)


@pytest.mark.parametrize("name", BOUNDED)
@given(st.data())
def test_every_number_within_the_bounds_is_accepted(name, data):
    check_value(name, data.draw(st.floats(*PARAMETERS[name].bounds)))


@given(st.lists(st.one_of(TEXTS, st.from_regex("[A-Za-z0-9_]{0,9}", fullmatch=True)), max_size=3))
def test_names_of_cameras_are_parts_of_topic_names(names):
    refusal = attempt(check_value, "cameras", names)
    assert (refusal is None) == is_allowed("cameras", names)


def test_a_long_name_of_a_camera_is_refused_at_once():
    """A pattern that could match it in many ways would try them all."""
    assert attempt(check_value, "cameras", ["a" * 1000 + "!"]) is not None


@given(LONG_TEXTS)
def test_any_name_of_a_model_is_found_or_refused(name):
    assert set(own_values(name)) <= set(PARAMETERS)
    folder = attempt(find_model, name)
    assert isinstance(folder, OpenSetError) or (folder / DESCRIPTION_FILE).is_file()


def test_a_name_too_long_for_a_file_is_no_model():
    with pytest.raises(OpenSetError, match="no model 'aaa"):
        find_model("a" * 5000)


@given(
    st.one_of(
        LONG_TEXTS,
        st.from_regex(r"(cpu|cuda|mps|meta|xla|CUDA)(:[-+]?[0-9]{1,25})?", fullmatch=True),
    )
)
def test_any_device_is_there_or_refused(device):
    chosen = attempt(choose_device, device)
    assert isinstance(chosen, OpenSetError) or chosen.type in ("cpu", "cuda")
