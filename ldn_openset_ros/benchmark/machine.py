"""What figures were taken on."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch

LIBRARIES = ("torch", "ncnn", "openvino", "onnxruntime", "nncf", "opencv-python-headless", "numpy")


@dataclass(frozen=True)
class Machine:
    """Processor, its cores that this process may use, torch's threads, versions of libraries."""

    processor: str
    cores: int
    threads: int
    python: str
    versions: dict[str, str]


def this_machine() -> Machine:
    """Describe the machine; libraries that are not installed are left out."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        threads=torch.get_num_threads(),
        python=platform.python_version(),
        versions={name: version for name in LIBRARIES if (version := _version(name))},
    )


def _processor() -> str:
    try:
        found = re.search(
            r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE
        )
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None
