"""The names of the recognition modules, without torch; the modules are in `registry`."""

from __future__ import annotations

RECOGNITION_NAMES = (
    "multi_class",
    "odin",
    "mc_dropout",
    "confidence",
    "outlier_head",
    "two_heads",
    "outlier_exposure",
    "c_plus_one",
    "multi_label",
)
