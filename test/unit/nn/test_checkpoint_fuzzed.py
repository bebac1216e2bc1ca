"""Files of weights with any damage or claim: finite weights that fit, or one OpenSetError."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
from collections import OrderedDict

import pytest
import torch
from fuzzing import YAML_VALUES, attempt, damaged, with_other_entry
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.checkpoint import (
    load_strictly,
    read_foreign_state_dict,
    read_weights,
    write_weights,
)

# What is refused is told by one line alone.
pytestmark = pytest.mark.filterwarnings("error")

TYPES = ("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F4", "F6_E2M3", "I16", "U16")
TYPES += ("F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64")


def small_module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(2, 3, 1), norm=nn.BatchNorm2d(3)))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    write_weights(small_module().state_dict(), path, half_precision=True)
    return path.read_bytes()


def load(path, content, read=read_weights):
    """Load a file's content; the OpenSetError that refuses it, or None where it was loaded."""
    path.write_bytes(content)
    module = small_module()
    refusal = attempt(lambda: load_strictly(module, read(path), path))
    if refusal is None:
        assert all(bool(torch.isfinite(entry).all()) for entry in module.state_dict().values())
    else:
        assert path.name in str(refusal)
    return refusal


@given(st.data())
def test_any_damage_gives_finite_weights_or_one_error(weights, tmp_path, data):
    content = data.draw(damaged(weights))
    refusal = load(tmp_path / "model.safetensors", content)
    assert refusal is not None or len(content) == len(weights)


def test_weights_cut_anywhere_are_refused(weights, tmp_path):
    assert load(tmp_path / "model.safetensors", weights) is None
    for length in range(len(weights)):
        assert load(tmp_path / "model.safetensors", weights[:length])


@given(st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([2**31, 2**63 - 1, 2**63, 2**64 - 1])))
def test_any_claimed_length_of_the_header_is_refused(weights, tmp_path, length):
    (right,) = struct.unpack_from("<Q", weights)
    refusal = load(tmp_path / "model.safetensors", struct.pack("<Q", length) + weights[8:])
    assert (refusal is None) == (length == right)


def with_header(weights, header):
    text = json.dumps(header, default=str).encode()
    (length,) = struct.unpack_from("<Q", weights)
    return struct.pack("<Q", len(text)) + text + weights[8 + length :]


def header_of(weights):
    (length,) = struct.unpack_from("<Q", weights)
    return json.loads(weights[8 : 8 + length])


@given(st.data())
def test_any_other_entry_of_the_header_gives_finite_weights_or_one_error(weights, tmp_path, data):
    header = data.draw(with_other_entry(header_of(weights)))
    load(tmp_path / "model.safetensors", with_header(weights, header))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("bytes_of_one", [1, 2, 4, 8])
def test_a_tensor_of_another_type_gives_finite_weights_or_one_error(tmp_path, kind, bytes_of_one):
    header = {"conv.bias": {"dtype": kind, "shape": [3], "data_offsets": [0, 3 * bytes_of_one]}}
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + b"\x7f" * 3 * bytes_of_one
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    read = attempt(read_weights, path)
    if not isinstance(read, OpenSetError):
        attempt(load_strictly, small_module(), small_module().state_dict() | read, path)


class Payload:
    """Makes a folder when it is unpickled by a careless reader."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("read", [read_weights, read_foreign_state_dict])
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_in_disguise_is_refused_and_not_run(tmp_path, read, protocol):
    content = pickle.dumps(Payload(tmp_path / "owned"), protocol)
    assert load(tmp_path / "model.safetensors", content, read)
    assert not (tmp_path / "owned").exists()


def saved(content, zipped):
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@given(st.data())
def test_any_damage_to_a_foreign_file_gives_finite_weights_or_one_error(tmp_path, zipped, data):
    good = saved(small_module().state_dict(), zipped)
    load(tmp_path / "foreign.pt", data.draw(damaged(good)), read_foreign_state_dict)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@given(st.data())
def test_a_damaged_file_with_code_never_runs_it(tmp_path, zipped, data):
    good = saved({**small_module().state_dict(), "x": Payload(tmp_path / "owned")}, zipped)
    load(tmp_path / "foreign.pt", data.draw(damaged(good)), read_foreign_state_dict)
    assert not (tmp_path / "owned").exists()


@given(st.one_of(YAML_VALUES, st.dictionaries(st.text(max_size=5), YAML_VALUES, max_size=3)))
def test_any_other_object_is_no_state_dict(tmp_path, content):
    assert load(tmp_path / "foreign.pt", saved(content, True), read_foreign_state_dict)
