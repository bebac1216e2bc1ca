"""What unit tests of several parts share: a data root small enough to train on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest


def write_png(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


@pytest.fixture(scope="session")
def small_data(tmp_path_factory) -> Path:
    """CamVid's layout with two-class scenes (sky over road), and striped negatives."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            labels = np.zeros((48, 64), np.uint8)
            labels[20 + number :] = 3
            labels[-2:] = 11
            bgr = np.where(labels[..., None] == 0, (220, 180, 120), (90, 90, 90))
            bgr = np.clip(bgr + rng.normal(0, 8, bgr.shape), 0, 255).astype(np.uint8)
            write_png(root / "camvid" / split / "images" / f"seq_{number:03d}.png", bgr)
            write_png(root / "camvid" / split / "labels" / f"seq_{number:03d}.png", labels)
    for number in range(5):
        stripes = np.zeros((40, 50, 3), np.uint8)
        stripes[:, number::4] = (30 * number, 255, 40)
        write_png(root / "imagenet_samples" / "train" / f"n{number}.png", stripes)
    return root
