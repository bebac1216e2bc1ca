"""Whatever runs a network, its logits are torch's."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from backend_networks import assert_equal, frames, make_network, reference

from ldn_openset_ros import Predictor
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends import openvino_backend
from ldn_openset_ros.inference.backends.compiled_backend import CPP_COMPILERS
from ldn_openset_ros.inference.backends.registry import make_backend

EXACT = ("ncnn", "openvino", "onnxruntime")


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("backbone", ["lite", "dense"])
def test_logits_equal_torchs_for_several_frames_of_an_odd_size(request, backbone, name):
    network = request.getfixturevalue(backbone)
    pixels = frames(2, 75, 121)
    backend = make_backend(network, name, "auto", "cpu")
    assert (backend.name, backend.device, backend.precision) == (name, "cpu", "float32")
    expected = reference(network, pixels)
    assert float((expected.outlier[0] - expected.outlier[1]).abs().max()) > 0.1
    assert_equal(backend.infer(pixels), expected)
    again = backend.infer(np.ascontiguousarray(pixels[::-1]))
    assert_equal(again, reference(network, pixels[::-1].copy()))


@pytest.mark.parametrize("size", [(32, 32), (33, 190), (131, 35)])
def test_ncnn_takes_sizes_in_turn(lite, size):
    """Also those whose pooling grids have more cells than the features have pixels."""
    backend = make_backend(lite, "ncnn", "auto", "cpu")
    for height, width in (size, (64, 96), size):
        pixels = frames(1, height, width)
        assert_equal(backend.infer(pixels), reference(lite, pixels))


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("recognition", ["multi_class", "outlier_head"])
def test_a_head_alone(recognition, name):
    network = make_network(recognition=recognition)
    pixels = frames(1, 64, 96)
    expected = reference(network, pixels)
    assert [head is None for head in expected] == [
        recognition == "outlier_head",
        recognition == "multi_class",
    ]
    assert_equal(make_backend(network, name, "auto", "cpu").infer(pixels), expected)


@pytest.mark.parametrize("name", EXACT)
def test_pictures_that_nobody_may_write_to(lite, name):
    """As they come from a message, without a copy."""
    pixels = frames(1, 64, 96)
    expected = reference(lite, pixels.copy())
    pixels.flags.writeable = False
    assert_equal(make_backend(lite, name, "auto", "cpu").infer(pixels), expected)


@pytest.mark.parametrize("name", EXACT)
def test_logits_of_the_frame_before_stay(lite, name):
    backend = make_backend(lite, name, "auto", "cpu")
    first, second = frames(2, 64, 96)
    logits = backend.infer(first[None])
    kept = logits.segmentation.clone()
    backend.infer(second[None])
    assert torch.equal(logits.segmentation, kept)


def test_bfloat16_is_near(lite):
    if not openvino_backend.computes_bfloat16():
        pytest.skip("this CPU computes no bfloat16")
    pixels = frames(1, 64, 96)
    backend = make_backend(lite, "openvino", "bfloat16", "cpu")
    assert backend.precision == "bfloat16"
    logits, expected = backend.infer(pixels), reference(lite, pixels)
    for head, wanted in zip(logits, expected, strict=True):
        assert 1e-4 < float((head - wanted).abs().mean()) < 0.1 * float(wanted.std())


def test_bfloat16_is_refused_where_the_cpu_has_none(lite, monkeypatch):
    monkeypatch.setattr(openvino_backend, "computes_bfloat16", lambda: False)
    with pytest.raises(OpenSetError, match="this CPU computes no bfloat16: choose precision"):
        make_backend(lite, "openvino", "bfloat16", "cpu")


@pytest.mark.skipif(
    not any(shutil.which(compiler) for compiler in CPP_COMPILERS), reason="no C++ compiler"
)
def test_torch_compile(lite, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    pixels = frames(1, 64, 96)
    backend = make_backend(lite, "torch_compile", "auto", "cpu")
    assert_equal(backend.infer(pixels), reference(lite, pixels))


def test_torch_compile_without_a_compiler(lite, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OpenSetError, match="torch_compile needs a C\\+\\+ compiler: install g"):
        make_backend(lite, "torch_compile", "auto", "cpu")


@pytest.mark.parametrize("name", EXACT)
def test_a_predictors_maps_are_the_same(small_model, name):
    folder = small_model("two_heads")
    rgb = frames(1, 75, 121)[0]
    predictor = Predictor.load(folder, device="cpu", backend=name)
    expected = Predictor.load(folder, device="cpu", backend="torch")(rgb)
    assert predictor.backend == name
    assert np.abs(predictor(rgb).outlier - expected.outlier).max() < 1e-5
    assert (predictor(rgb).labels == expected.labels).mean() > 0.999
