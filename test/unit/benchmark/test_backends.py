"""Backends side by side on a tiny network."""

from __future__ import annotations

import os

import numpy as np
import pytest

from ldn_openset_ros.benchmark.backends import backend_row, compare_backends
from ldn_openset_ros.benchmark.first_call import (
    COMPILER_CACHE_VARIABLE,
    FirstCall,
    FirstCalls,
    empty_caches,
    measure_first_calls,
)
from ldn_openset_ros.benchmark.floor import Floor
from ldn_openset_ros.benchmark.timings import Timing
from ldn_openset_ros.benchmark.variants import EAGER, Variant, variants_on
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.cache import CACHE_VARIABLE

FIRST_CALLS = FirstCalls(FirstCall(2.0, 50.0), FirstCall(1.0, 40.0))


def test_ratios_of_given_times():
    variant = Variant("ncnn", "float32")
    timings = {str(EAGER): Timing(120.0, 130.0), str(variant): Timing(40.0, 70.0)}
    floor = Floor(multiply_adds=50_000_000, per_second=1e9)
    row = backend_row(variant, timings, floor, 1e-6, FIRST_CALLS)
    assert (row.backend, row.precision) == ("ncnn", "float32")
    assert row.timing == Timing(40.0, 70.0)
    assert row.speed_up == 3.0
    assert row.over_floor == 0.8
    assert backend_row(EAGER, timings, floor, 0.0, FIRST_CALLS).speed_up == 1.0


def test_the_reference_comes_first_and_a_gpu_has_others():
    on_cpu = variants_on("cpu")
    assert on_cpu[0] == EAGER
    assert Variant("openvino", "bfloat16") in on_cpu
    assert "cuda_graphs" not in {variant.backend for variant in on_cpu}
    assert "ncnn" not in {variant.backend for variant in variants_on("cuda")}
    assert str(EAGER) == "torch float32"


def test_backends_run_the_same_frames_and_what_cannot_run_is_named(tiny_model):
    pytest.importorskip("ncnn")
    frames = list(np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), np.uint8))
    ncnn, int8 = Variant("ncnn", "float32"), Variant("openvino", "int8")
    figures = compare_backends(tiny_model, (EAGER, ncnn, int8), "cpu", frames, rate=1e9)
    assert (figures.width, figures.height, figures.frames) == (96, 64, 2)
    assert [(row.backend, row.precision) for row in figures.rows] == [
        ("torch", "float32"),
        ("ncnn", "float32"),
    ]
    eager, other = figures.rows
    assert (eager.speed_up, eager.difference) == (1.0, 0.0)
    assert 0 < other.difference < 1e-4
    assert figures.floor.multiply_adds > 0
    assert list(figures.skipped) == ["openvino int8"]
    assert "quantise" in figures.skipped["openvino int8"]
    for row in figures.rows:
        assert row.first_calls.cold.seconds > 0
        assert row.first_calls.warm.memory_mb > 0


def test_no_reference_is_an_error(tiny_model):
    frames = [np.zeros((64, 96, 3), np.uint8)]
    reason = "the reference, torch float32, cannot run: device 'cuda:99' is not there"
    with pytest.raises(OpenSetError, match=reason):
        compare_backends(tiny_model, (EAGER,), "cuda:99", frames, rate=1e9)


def test_a_cache_is_filled_by_the_first_call_and_gone_in_the_end(tiny_model, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    monkeypatch.setenv(CACHE_VARIABLE, "/mine")
    monkeypatch.delenv(COMPILER_CACHE_VARIABLE, raising=False)
    with empty_caches():
        folder = os.environ[CACHE_VARIABLE]
        assert folder != "/mine"
        measure_first_calls(tiny_model, Variant("onnxruntime", "float32"), "cpu", 64, 96)
        (found,) = [name for _, _, names in os.walk(folder) for name in names]
        assert found == "96x64.onnx"
    assert not os.path.exists(folder)
    assert os.environ[CACHE_VARIABLE] == "/mine"
    assert COMPILER_CACHE_VARIABLE not in os.environ
