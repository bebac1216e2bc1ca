"""Names of backends and precisions, and which go together."""

from __future__ import annotations

AUTO = "auto"
ALL_FLOATS = ("float32", "bfloat16", "float16")
PRECISIONS_OF: dict[str, dict[str, tuple[str, ...]]] = {
    "torch": {"cpu": ("float32",), "cuda": ALL_FLOATS},
    "torch_compile": {"cpu": ("float32",), "cuda": ALL_FLOATS},
    "cuda_graphs": {"cpu": (), "cuda": ALL_FLOATS},
    "ncnn": {"cpu": ("float32",), "cuda": ()},
    "openvino": {"cpu": ("float32", "bfloat16", "int8"), "cuda": ()},
    "onnxruntime": {"cpu": ("float32",), "cuda": ("float32",)},
}
"""What each backend can, on each kind of device; the first is what "auto" takes."""
BACKENDS = (AUTO, *PRECISIONS_OF)
PRECISIONS = (AUTO, *ALL_FLOATS, "int8")
