"""The argument `--threshold`."""

from __future__ import annotations

from ldn_openset_ros.inference.calibration import CALIBRATED

THRESHOLD_HELP = f"outlier threshold from 0 to 1, or {CALIBRATED}: the model's for its score"


def threshold(text: str) -> float | str:
    """Return the number or the word `calibrated`; for argparse, which reports a ValueError."""
    return text if text == CALIBRATED else float(text)
