"""Import a backend's library, or say how to install it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from ldn_openset_ros.errors import OpenSetError

TELEMETRY = "openvino_telemetry"
"""Comes with OpenVINO and NNCF, and tells Google Analytics of every import unless told not to."""


def is_installed(library: str) -> bool:
    """Return whether a library can be imported, without importing it."""
    return importlib.util.find_spec(library) is not None


def import_library(library: str, user: str) -> ModuleType:
    """Return a library; raises OpenSetError that names who wants it and the remedy.

    OpenVINO and NNCF take their telemetry for not installed, so that nothing leaves the machine.
    """
    sys.modules.setdefault(TELEMETRY, None)  # None: importing it is an ImportError
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise OpenSetError(
            f"{user} needs {library} ({error}): install the extra backends, or choose another "
            "backend"
        ) from None
