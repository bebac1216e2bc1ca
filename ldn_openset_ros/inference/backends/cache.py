"""A folder of what takes long to make, so that the second start is quick."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork

CACHE_VARIABLE = "LDN_CACHE"
"""Environment variable with another folder than `ldn_openset_ros` in the user's cache."""


def cache_folder() -> Path:
    """Return the cache's folder: LDN_CACHE, else below XDG_CACHE_HOME, else ~/.cache."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        raise OpenSetError(f"this user has no home for a cache: set {CACHE_VARIABLE}") from None
    return Path(base) / "ldn_openset_ros"


def fingerprint(network: PixelNetwork, *versions: str) -> str:
    """Return a name for a network and what makes something of it, 24 hexadecimal digits.

    It depends on every weight, the shape, normalisation, recognition, and on `versions`.
    """
    description = network.description
    parts = (description.network, description.normalisation, description.recognition, versions)
    digest = hashlib.sha256(repr(parts).encode())
    for name, tensor in sorted(network.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """Return the cached file `name`, made by `make` at a path of its own where there is none.

    A process that is killed leaves no half of it. Raises OpenSetError where the folder cannot be
    written.
    """
    target = cache_folder() / name
    if target.is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making_") as folder:
            made = Path(folder) / target.name
            make(made)
            made.replace(target)
    except OSError as error:
        raise OpenSetError(
            f"the cache {target.parent} cannot be written ({error.strerror or error}): set "
            f"{CACHE_VARIABLE} to a folder that can"
        ) from None
    return target
