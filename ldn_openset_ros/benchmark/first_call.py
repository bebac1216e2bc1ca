"""The first frame of a backend in a process of its own: seconds and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ldn_openset_ros.benchmark.memory import peak, reset_peak
from ldn_openset_ros.benchmark.timings import timed
from ldn_openset_ros.benchmark.variants import Variant
from ldn_openset_ros.errors import OpenSetError, flat
from ldn_openset_ros.inference.backends.backend import Backend
from ldn_openset_ros.inference.backends.cache import CACHE_VARIABLE
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork
from ldn_openset_ros.inference.backends.registry import make_backend

COMPILER_CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
TIMEOUT_S = 1800.0
"""Of one process; torch.compile takes minutes for a large network."""


@dataclass(frozen=True)
class FirstCall:
    """From the loaded network to the first logits, with all that the backend prepares.

    seconds: of that. memory_mb: the peak of resident memory over what was resident before the
    backend was made, in MB of 10^6 bytes.
    """

    seconds: float
    memory_mb: float


@dataclass(frozen=True)
class FirstCalls:
    """The first call with empty caches, and with those that another process has filled."""

    cold: FirstCall
    warm: FirstCall


@contextmanager
def empty_caches() -> Iterator[None]:
    """Give this process and its children caches of their own, that go at the end."""
    old = {name: os.environ.get(name) for name in (CACHE_VARIABLE, COMPILER_CACHE_VARIABLE)}
    with tempfile.TemporaryDirectory(prefix="ldn_benchmark_cache_") as folder:
        os.environ.update({name: f"{folder}/{name.lower()}" for name in old})
        try:
            yield
        finally:
            for name, value in old.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def measure_first_calls(
    folder: Path, variant: Variant, device: str, height: int, width: int
) -> FirstCalls:
    """Run the first frame of a model's network twice, each time in a new process.

    Call it where `empty_caches` holds and nothing has filled them for this variant and size yet.
    Raises OpenSetError where the variant cannot be run.
    """
    arguments = (str(folder), variant.backend, variant.precision, device, str(height), str(width))
    return FirstCalls(_run(arguments), _run(arguments))


def first_call(folder: Path, variant: Variant, device: str, height: int, width: int) -> FirstCall:
    """Run the first frame in this process."""
    network = PixelNetwork.read(folder)
    pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    before = reset_peak()

    def start() -> Backend:
        backend = make_backend(network, variant.backend, variant.precision, device, folder)
        infer(backend, pixels)
        return backend

    _, seconds = timed(start)
    return FirstCall(round(seconds, 3), round(peak() - before, 1))


def infer(backend: Backend, pixels: np.ndarray):
    """Run pixels, uint8 (N, h, w, 3), through a backend and wait until a GPU has done it."""
    logits = backend.infer(pixels)
    if torch.device(backend.device).type == "cuda":
        torch.cuda.synchronize(backend.device)
    return logits


def main(arguments: Sequence[str]) -> int:
    """Write the figures of `first_call` as JSON: folder, backend, precision, device, h, w."""
    folder, backend, precision, device, height, width = arguments
    variant = Variant(backend, precision)
    try:
        found = first_call(Path(folder), variant, device, int(height), int(width))
    except OpenSetError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"\n{json.dumps(asdict(found))}\n")
    return 0


def _run(arguments: Sequence[str]) -> FirstCall:
    try:
        done = subprocess.run(
            [sys.executable, "-m", __spec__.name, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise OpenSetError(
            f"the first frame by {' '.join(arguments[1:3])} takes more than {TIMEOUT_S:g} s: "
            "leave this backend out"
        ) from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
        raise OpenSetError(flat(lines[-1])) from None
    return FirstCall(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
