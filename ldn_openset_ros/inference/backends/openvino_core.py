"""OpenVINO's core, one for the process."""

from __future__ import annotations

from functools import cache

from ldn_openset_ros.inference.backends.libraries import import_library


@cache
def openvino_core():
    """Return the core, with its CPU plugin; raises OpenSetError where OpenVINO is not installed.

    It is never freed: the plugin gives threads that infer a stack for signal handlers and frees it
    with the last core. A thread other than the one that frees it keeps a stack that is gone, and
    the next signal, of Ctrl-C or of a data worker that ends, crashes the process.
    """
    core = import_library("openvino", "OpenVINO").Core()
    core.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin
    return core
