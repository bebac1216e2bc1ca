"""Weights on disk: round trips, strictness, and files that must not be trusted."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.nn.checkpoint import (
    load_strictly,
    read_foreign_state_dict,
    read_weights,
    write_weights,
)


def small_module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(2, 3, 1), norm=nn.BatchNorm2d(3)))


@pytest.mark.parametrize("half_precision", [False, True])
def test_weights_come_back(tmp_path, half_precision):
    state = small_module().state_dict()
    state["norm.running_var"].fill_(1e6)  # beyond float16
    path = tmp_path / "model.safetensors"

    write_weights(state, path, half_precision)
    read = read_weights(path)

    assert set(read) == set(state)
    for name, tensor in state.items():
        assert read[name].dtype == tensor.dtype
        rounded = tensor.half().float() if half_precision and tensor.ndim > 1 else tensor
        assert torch.equal(read[name], rounded), name


def test_half_precision_halves_the_file(tmp_path):
    state = {"conv.weight": torch.zeros(100, 100)}
    sizes = []
    for half_precision in (False, True):
        write_weights(state, tmp_path / "w", half_precision)
        sizes.append((tmp_path / "w").stat().st_size)

    assert sizes[0] - sizes[1] == 2 * 100 * 100


@pytest.mark.parametrize("content", [None, b"", b"no weights at all"])
def test_unreadable_weights_name_the_file(tmp_path, content):
    path = tmp_path / "model.safetensors"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(OpenSetError, match=r"model\.safetensors"):
        read_weights(path)


def test_truncated_weights_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    write_weights(small_module().state_dict(), path, half_precision=False)
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(OpenSetError, match="restore the file"):
        read_weights(path)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: OrderedDict(state),
        lambda state: {"state_dict": state, "epoch": 7},
        lambda state: {"model": state, "best": 0.5},
        lambda state: {"state_dict": {f"module.{name}": t for name, t in state.items()}},
        lambda state: {name: nn.Parameter(t, False) for name, t in state.items()},
    ],
    ids=["bare", "ordered", "state_dict", "model", "data_parallel", "parameters"],
)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_foreign_wrappers(tmp_path, wrap, zipped):
    state = small_module().state_dict()
    path = tmp_path / "foreign.pt"
    torch.save(wrap(state), path, _use_new_zipfile_serialization=zipped)

    read = read_foreign_state_dict(path)

    assert set(read) == set(state)
    assert all(torch.equal(read[name], state[name]) for name in state)


class Payload:
    """Creates a file when it is unpickled by a careless reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_code_in_a_file_is_refused_and_not_run(tmp_path, zipped):
    path = tmp_path / "evil.pt"
    content = {"state_dict": {"conv.weight": torch.zeros(1)}, "x": Payload(tmp_path / "owned")}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)

    with pytest.raises(OpenSetError, match=r"evil\.pt .*state_dict"):
        read_foreign_state_dict(path)

    assert not (tmp_path / "owned").exists()


def test_a_pickled_module_is_refused(tmp_path):
    path = tmp_path / "whole.pt"
    torch.save(small_module(), path)

    with pytest.raises(OpenSetError, match=r"whole\.pt .*state_dict"):
        read_foreign_state_dict(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, no checkpoint",
        b"PK\x03\x04broken",
        b"\x80\x02",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    ],
    ids=["empty", "text", "broken_zip", "broken_pickle", "picture", "lfs_pointer"],
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.pt"
    path.write_bytes(content)

    with pytest.raises(OpenSetError, match=r"other\.pt .*state_dict"):
        read_foreign_state_dict(path)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_broken_download_is_refused_wherever_it_broke(tmp_path, zipped):
    path = tmp_path / "broken.pt"
    torch.save(small_module().state_dict(), path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()

    for size in range(0, len(content) - 8, 41):
        path.write_bytes(content[:size])
        with pytest.raises(OpenSetError, match=r"broken\.pt .*state_dict"):
            read_foreign_state_dict(path)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.zeros(1)], torch.zeros(2), 5])
def test_other_content_is_no_state_dict(tmp_path, content):
    path = tmp_path / "other.pt"
    torch.save(content, path)

    with pytest.raises(OpenSetError, match=r"other\.pt holds no state_dict"):
        read_foreign_state_dict(path)


def test_absent_file_and_folder_are_named(tmp_path):
    with pytest.raises(OpenSetError, match=r"absent\.pt: No such file"):
        read_foreign_state_dict(tmp_path / "absent.pt")
    with pytest.raises(OpenSetError, match="cannot read"):
        read_foreign_state_dict(tmp_path)


def test_every_key_that_does_not_fit_is_reported_and_nothing_loaded():
    module = small_module()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = {name: torch.ones_like(tensor) for name, tensor in before.items()}
    del state["conv.bias"], state["norm.running_mean"]
    state |= {"extra.weight": torch.ones(1), "norm.gain": torch.ones(3)}
    state["conv.weight"] = torch.ones(4, 2, 1, 1)

    with pytest.raises(OpenSetError) as caught:
        load_strictly(module, state, "file.pt")

    assert str(caught.value) == (
        "file.pt does not fit the network: "
        "2 missing: conv.bias, norm.running_mean; "
        "2 unexpected: extra.weight, norm.gain; "
        "1 of another shape: conv.weight (4, 2, 1, 1) instead of (3, 2, 1, 1)"
    )
    after = module.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_names_with_line_ends_stay_on_one_line():
    state = {**small_module().state_dict(), "a\nb\u2028c": torch.zeros(1)}
    with pytest.raises(OpenSetError, match=r"1 unexpected: a b c$"):
        load_strictly(small_module(), state, "file.pt")


def test_numbers_of_another_type_are_no_weights():
    """A header that says int32 for float32 gives wrong numbers, but finite ones."""
    state = small_module().state_dict()
    state["conv.bias"] = state["conv.bias"].view(torch.int32)

    with pytest.raises(OpenSetError, match=r"1 of another type: conv.bias torch.int32 instead"):
        load_strictly(small_module(), state, "file.pt")


def test_only_batch_norm_counters_may_be_absent():
    module = small_module()
    state = {name: torch.full_like(tensor, 2) for name, tensor in module.state_dict().items()}
    del state["norm.num_batches_tracked"]

    load_strictly(module, state, "file.pt")

    assert module.state_dict()["norm.num_batches_tracked"] == 0
    assert bool((module.conv.weight == 2).all())


def test_values_that_are_not_finite_are_refused():
    module = small_module()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state["conv.bias"][1] = torch.nan
    state["norm.weight"][0] = torch.inf

    with pytest.raises(OpenSetError, match=r"not finite in conv.bias, norm.weight"):
        load_strictly(module, state, "file.pt")
