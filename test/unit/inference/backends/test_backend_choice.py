"""Which backend, precision and device go together, and what is said where they do not."""

from __future__ import annotations

import importlib
import importlib.util

import pytest
import torch
from backend_networks import frames, make_network, reference, with_recognition

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.cuda_graph_backend import CudaGraphBackend
from ldn_openset_ros.inference.backends.names import BACKENDS, PRECISIONS_OF
from ldn_openset_ros.inference.backends.onnx_backend import (
    GPU_PROVIDERS,
    choose_providers,
    open_onnx,
)
from ldn_openset_ros.inference.backends.onnx_export import cached_onnx
from ldn_openset_ros.inference.backends.per_size import PerSize
from ldn_openset_ros.inference.backends.registry import (
    best_backend,
    choose_precision,
    make_backend,
)

CPU = torch.device("cpu")


@pytest.fixture
def without(monkeypatch):
    """Return a function that makes libraries look absent."""

    def hide(*libraries: str) -> None:
        find, load = importlib.util.find_spec, importlib.import_module

        def load_others(name, *rest):
            if name in libraries:
                raise ModuleNotFoundError(f"No module named {name!r}")
            return load(name, *rest)

        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: None if name in libraries else find(name)
        )
        monkeypatch.setattr(importlib, "import_module", load_others)

    return hide


def test_auto_takes_the_fastest_that_is_installed(lite, without):
    assert best_backend(lite, "auto", CPU) == "ncnn"
    assert best_backend(lite, "float32", CPU) == "ncnn"
    assert make_backend(lite, "auto", "auto", "cpu").name == "ncnn"
    without("ncnn")
    assert make_backend(lite, "auto", "auto", "cpu").name == "openvino"
    without("ncnn", "openvino")
    assert make_backend(lite, "auto", "auto", "cpu").name == "torch"


def test_auto_takes_what_has_the_precision(lite, without):
    assert best_backend(lite, "int8", CPU) == "openvino"
    assert best_backend(lite, "bfloat16", CPU) == "openvino"
    without("openvino")
    with pytest.raises(OpenSetError, match="precision 'int8' is not for backend torch on cpu"):
        make_backend(lite, "auto", "int8", "cpu")


def test_auto_on_a_gpu_is_torch(lite):
    assert best_backend(lite, "auto", torch.device("cuda:0")) == "torch"


@pytest.mark.parametrize(
    ("library", "backend"),
    [("ncnn", "ncnn"), ("openvino", "openvino"), ("onnxruntime", "onnxruntime")],
)
def test_a_missing_library_has_a_remedy(lite, without, library, backend):
    without(library)
    with pytest.raises(OpenSetError) as found:
        make_backend(lite, backend, "auto", "cpu")
    assert str(found.value) == (
        f"backend {backend} needs {library} (No module named {library!r}): install the extra "
        "backends, or choose another backend"
    )


@pytest.mark.parametrize("library", ["onnx", "onnxscript"])
def test_exporting_without_its_libraries(without, library):
    without(library)
    backend = make_backend(make_network(width=8), "openvino", "auto", "cpu")
    with pytest.raises(OpenSetError, match=f"the export to ONNX needs {library} .*install the ex"):
        backend.infer(frames(1, 32, 40))


@pytest.mark.parametrize("recognition", ["odin", "mc_dropout"])
def test_several_passes_are_for_torch_alone(recognition):
    network = with_recognition(make_network(recognition="multi_class"), recognition)
    for backend in set(BACKENDS) - {"auto", "torch", "cuda_graphs"}:
        with pytest.raises(OpenSetError, match=f"backend {backend} cannot run recognition"):
            make_backend(network, backend, "auto", "cpu")
    chosen = make_backend(network, "auto", "auto", "cpu")
    assert chosen.name == "torch"
    torch.manual_seed(1)
    expected = reference(network, frames(1, 32, 40))
    torch.manual_seed(1)
    assert torch.equal(chosen.infer(frames(1, 32, 40)).segmentation, expected.segmentation)


@pytest.mark.parametrize(
    ("backend", "precision", "device", "message"),
    [
        ("tvm", "auto", "cpu", "unknown backend 'tvm': choose one of auto, torch, torch_compile"),
        ("torch", "int4", "cpu", "unknown precision 'int4': choose one of auto, float32"),
        ("torch", "float16", "cpu", "precision 'float16' is not for backend torch on cpu"),
        ("ncnn", "int8", "cpu", "precision 'int8' is not for backend ncnn on cpu: choose float32"),
        ("onnxruntime", "bfloat16", "cpu", "'bfloat16' is not for backend onnxruntime on cpu"),
        ("cuda_graphs", "auto", "cpu", "backend cuda_graphs does not run on cpu: choose another"),
        ("auto", "float16", "cpu", "precision 'float16' is not for backend torch on cpu"),
        ("torch", "auto", "tpu", "unknown device 'tpu': choose auto, cpu or cuda:N"),
        ("torch", "auto", "meta", "device 'meta' is not supported: choose auto, cpu or cuda:N"),
        ("torch", "auto", "cuda:99", r"device 'cuda:99' is not there \(\d+ CUDA devices found\)"),
    ],
)
def test_what_does_not_go_together(lite, backend, precision, device, message):
    with pytest.raises(OpenSetError, match=message):
        make_backend(lite, backend, precision, device)


@pytest.mark.parametrize("backend", ["ncnn", "openvino"])
def test_what_is_for_cpus_refuses_a_gpu(backend):
    with pytest.raises(OpenSetError, match=f"backend {backend} does not run on cuda:0"):
        choose_precision(backend, "auto", torch.device("cuda:0"))


def test_cuda_graphs_refuse_a_cpu(lite):
    with pytest.raises(OpenSetError, match="cuda_graphs needs a CUDA device: choose another"):
        CudaGraphBackend(lite, CPU, torch.float32)


def test_onnx_runtime_that_was_built_for_cpus_refuses_a_gpu():
    assert choose_providers(CPU) == ["CPUExecutionProvider"]
    with pytest.raises(OpenSetError, match="no provider for cuda:1: install onnxruntime-gpu"):
        choose_providers(torch.device("cuda:1"))


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_onnx_runtime_that_falls_back_on_the_cpu_is_refused(lite):
    """As it does where its provider for a GPU lacks a library."""
    pytest.importorskip("onnxruntime")
    wanted = [(name, {"device_id": 0}) for name in GPU_PROVIDERS]
    with pytest.raises(OpenSetError, match="would run on the CPU: check its CUDA libraries"):
        open_onnx(cached_onnx(lite, 64, 96), [*wanted, "CPUExecutionProvider"])


def test_every_backend_has_a_default_precision_somewhere():
    for name, devices in PRECISIONS_OF.items():
        firsts = {precisions[0] for precisions in devices.values() if precisions}
        assert firsts == {"float32"}, name


def test_int8_that_nobody_made(lite, tmp_path):
    backend = make_backend(lite, "openvino", "int8", "cpu", tmp_path)
    with pytest.raises(OpenSetError) as found:
        backend.infer(frames(1, 48, 64))
    assert str(found.value) == (
        f"there is no {tmp_path}/int8_64x48.xml, which precision int8 needs for a network input "
        "of 64x48: make it with `ldn-openset quantise`, or choose another precision"
    )


def test_the_sizes_used_last_are_kept():
    built = []

    def build(height: int, width: int) -> str:
        built.append((height, width))
        return f"{width}x{height}"

    sizes = PerSize(build)
    for height in (1, 2, 3, 4):
        assert sizes.get(height, 7) == f"7x{height}"
    sizes.get(1, 7)  # the oldest is used once more
    sizes.get(5, 7)  # so the second goes
    assert len(built) == 5
    for height in (1, 3, 4, 5):
        sizes.get(height, 7)
    assert len(built) == 5
    sizes.get(2, 7)
    assert built[-1] == (2, 7)
