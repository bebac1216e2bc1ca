"""What a user of an exported network must know, written into its file."""

from __future__ import annotations

import json
from dataclasses import asdict

from ldn_openset_ros import __version__
from ldn_openset_ros.inference.backends.cache import fingerprint
from ldn_openset_ros.inference.backends.pixel_network import PixelNetwork

INPUT = "pixels"
"""Name of the network's input."""
CONTRACT_KEY = "ldn_openset_ros"
"""Of `contract` in OpenVINO's run-time information."""
WEIGHTS = "weights"
"""Of `contract`: the fingerprint of the network."""


def contract(network: PixelNetwork, height: int, width: int) -> dict[str, str]:
    """Return texts by name: input and output, and what turns logits into a decision.

    Those that are no sentences are JSON.
    """
    description = network.description
    calibration = description.calibration
    outputs = ", ".join(network.head_names())
    return {
        "made_by": f"ldn_openset_ros {__version__}",
        "model": description.name,
        WEIGHTS: fingerprint(network),
        "input": f"{INPUT}: RGB, 0 to 255, uint8 (1, {height}, {width}, 3); normalisation is "
        "inside; the size is fixed",
        "output": f"{outputs}: logits, float32 (1, channels, {stride_4(height)}, "
        f"{stride_4(width)}), stride 4; segmentation: a channel a class; outlier: channel 0 "
        "inlier, 1 outlier",
        "recognition": description.recognition.name,
        "taxonomy": json.dumps(description.taxonomy),
        "decision": json.dumps(asdict(description.decision)),
        "calibration": json.dumps(None if calibration is None else asdict(calibration)),
    }


def stride_4(size: int) -> int:
    """Return the number of rows or columns of logits for one of an input."""
    return -(-size // 4)
