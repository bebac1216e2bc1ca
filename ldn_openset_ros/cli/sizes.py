"""Arguments of the form WxH."""

from __future__ import annotations

import argparse
import re


def size(text: str, example: str = "640x480") -> tuple[int, int]:
    """Return (width, height) of 640x480; for argparse, whose error shows the example."""
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text} is no size such as {example}")
    return int(match[1]), int(match[2])
