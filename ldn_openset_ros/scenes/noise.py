"""Seamless procedural noise, the raw material of all textures."""

from __future__ import annotations

import cv2
import numpy as np


def fractal_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cells: tuple[int, int],
    octaves: int = 4,
    gain: float = 0.5,
) -> np.ndarray:
    """Return seamless fractal value noise, float32 `shape`, of mean 0 and deviation 1.

    cells: random values down and across in the coarsest octave; each further octave doubles
        them and has `gain` times the amplitude.
    """
    total = np.zeros(shape, np.float32)
    amplitude = 1.0
    rows, columns = cells
    for _ in range(octaves):
        total += amplitude * _smooth_grid(rng, shape, rows, columns)
        amplitude *= gain
        rows, columns = min(2 * rows, shape[0]), min(2 * columns, shape[1])
    total -= total.mean()
    return total / max(float(total.std()), 1e-6)


def _smooth_grid(
    rng: np.random.Generator, shape: tuple[int, int], rows: int, columns: int
) -> np.ndarray:
    grid = rng.random((rows, columns), np.float32) - 0.5
    if (rows, columns) == shape:
        return grid
    # Two wrapped cells around the grid make the enlarged noise continue across its borders.
    padded = np.pad(grid, 2, mode="wrap")
    step_y, step_x = shape[0] / rows, shape[1] / columns
    size = (round(step_x * (columns + 4)), round(step_y * (rows + 4)))
    large = cv2.resize(padded, size, interpolation=cv2.INTER_CUBIC)
    top, left = round(2 * step_y), round(2 * step_x)
    return large[top : top + shape[0], left : left + shape[1]]
