"""Random geometry and photometry for training pictures; every draw comes from the caller's rng."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np

from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.settings import FROZEN
from ldn_openset_ros.taxonomy import IGNORE_INDEX

GAIN_LIMITS = (0.4, 2.5)
"""Bounds of a colour transfer's contrast gain, which nearly uniform pictures would exceed."""
MIN_STD = 0.5
"""Standard deviation in L*a*b*, L from 0 to 100, that a uniform picture counts as having."""
MOST = {
    **dict.fromkeys(("brightness", "contrast", "saturation", "white_balance", "shadow"), 1.0),
    "compression": 95.0,
}
"""Bounds of those photometry strengths that have one."""


@dataclass(frozen=True)
class JitterSettings:
    """Scale jittering (the paper's JS): a share of pictures keeps `base`, the rest are drawn.

    All three are lengths of the shorter side in pixels. enlargement: no picture gets larger than
    so many times its own size, since small ones would show nothing but blur.
    """

    base: int = 512
    maximum: int = 1536
    minimum: int = 512
    base_probability: float = 0.3
    enlargement: float = 100.0

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.maximum or self.base < 1:
            raise OpenSetError(
                f"jitter from {self.minimum} to {self.maximum}, base {self.base}: give pixels, "
                "minimum <= maximum"
            )
        if not 0 <= self.base_probability <= 1:
            raise OpenSetError(
                f"jitter.base_probability is {self.base_probability}: give a value from 0 to 1"
            )
        if not self.enlargement > 0:
            raise OpenSetError(f"jitter.enlargement is {self.enlargement}: give more than 0")


@dataclass(frozen=True)
class PhotometrySettings:
    """Strengths of random colour changes; 0 switches one off."""

    brightness: float = 0.0
    """Largest relative change of brightness."""
    contrast: float = 0.0
    """Largest relative change of contrast about the mean."""
    saturation: float = 0.0
    """Largest relative change of saturation."""
    white_balance: float = 0.0
    """Largest relative change of a single colour channel."""
    gamma: float = 0.0
    """Largest absolute logarithm (base 2) of the exponent."""
    noise: float = 0.0
    """Largest standard deviation of additive noise, in grey levels."""
    blur: float = 0.0
    """Largest sigma of a Gaussian blur, in pixels; used on a third of the pictures."""
    shadow: float = 0.0
    """Largest relative darkening by a smooth illumination field."""
    sharpen: float = 0.0
    """Largest weight of an unsharp mask; used on a third of the pictures."""
    compression: float = 0.0
    """Largest loss of JPEG quality from 100, at most 95; used on a third of the pictures."""

    __pydantic_config__ = FROZEN

    def __post_init__(self) -> None:
        for setting in fields(self):
            strength, most = getattr(self, setting.name), MOST.get(setting.name, math.inf)
            if not 0 <= strength <= most:
                raise OpenSetError(
                    f"photometry {setting.name} is {strength}: give 0 (off) or more"
                    + (f", at most {most:g}" if most < math.inf else "")
                )


def draw_shorter_side(rng: np.random.Generator, settings: JitterSettings, side: int) -> int:
    """Draw the shorter side that a picture, whose own is `side`, is resized to, in pixels."""
    if rng.random() < settings.base_probability:
        drawn = settings.base
    else:
        drawn = int(rng.integers(settings.minimum, settings.maximum + 1))
    return max(1, min(drawn, round(settings.enlargement * side)))


def resize_picture(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize uint8 or float32 (H, W) or (H, W, C) to (height, width).

    By area where it shrinks, else bilinearly: by area, an enlarged picture would show its pixels.
    """
    height, width = size
    shrinks = height < picture.shape[0]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=interpolation)


def resize(sample: Sample, size: tuple[int, int]) -> Sample:
    """Resize a sample to (height, width): picture by area or bilinearly, truth to nearest."""
    height, width = size
    rgb = resize_picture(sample.rgb, size)

    def nearest(truth: np.ndarray | None) -> np.ndarray | None:
        if truth is None:
            return None
        return cv2.resize(truth, (width, height), interpolation=cv2.INTER_NEAREST)

    return Sample(sample.name, rgb, nearest(sample.labels), nearest(sample.outlier))


def resize_shorter_side(sample: Sample, side: int) -> Sample:
    """Resize a sample to a shorter side of `side` pixels, keeping its shape."""
    height, width = sample.rgb.shape[:2]
    scale = side / min(height, width)
    return resize(sample, (round(height * scale), round(width * scale)))


def random_crop(
    sample: Sample,
    size: tuple[int, int],
    rng: np.random.Generator,
    pad_value: int = 0,
    class_id: int | None = None,
) -> Sample:
    """Cut a random (height, width) window; a smaller sample is padded, its truth by ignore.

    class_id: cut one that holds a random pixel with this label, where there is one.
    """
    height, width = sample.rgb.shape[:2]
    pad_bottom, pad_right = max(0, size[0] - height), max(0, size[1] - width)
    lowest = (0, 0)
    highest = (height + pad_bottom - size[0], width + pad_right - size[1])
    if class_id is not None and (pixels := np.argwhere(sample.labels == class_id)).size:
        pixel = pixels[int(rng.integers(len(pixels)))]
        lowest = np.maximum(0, pixel - size + 1)
        highest = np.minimum(highest, pixel)
    top = int(rng.integers(lowest[0], highest[0] + 1))
    left = int(rng.integers(lowest[1], highest[1] + 1))
    window = np.s_[top : top + size[0], left : left + size[1]]

    def cut(array: np.ndarray | None, value: int) -> np.ndarray | None:
        if array is None:
            return None
        if pad_bottom or pad_right:
            array = cv2.copyMakeBorder(
                array, 0, pad_bottom, 0, pad_right, cv2.BORDER_CONSTANT, value=[value] * 3
            )
        return np.ascontiguousarray(array[window])

    return Sample(
        sample.name,
        cut(sample.rgb, pad_value),
        cut(sample.labels, IGNORE_INDEX),
        cut(sample.outlier, IGNORE_INDEX),
    )


def flip(sample: Sample) -> Sample:
    """Mirror a sample left to right."""

    def mirror(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else np.ascontiguousarray(array[:, ::-1])

    return Sample(sample.name, mirror(sample.rgb), mirror(sample.labels), mirror(sample.outlier))


def change_photometry(
    sample: Sample, settings: PhotometrySettings, rng: np.random.Generator
) -> Sample:
    """Return the sample under other light and another sensor; its truth stays."""
    return replace(sample, rgb=change_colours(sample.rgb, settings, rng))


def change_colours(
    rgb: np.ndarray, settings: PhotometrySettings, rng: np.random.Generator
) -> np.ndarray:
    """Apply random gamma, colour, shadow, blur and noise to a uint8 (H, W, 3) picture."""
    height, width = rgb.shape[:2]
    values = rgb.astype(np.float32)
    if settings.gamma:
        exponent = 2 ** rng.uniform(-settings.gamma, settings.gamma)
        curve = (255 * (np.arange(256) / 255) ** exponent).astype(np.float32)
        values = cv2.LUT(rgb, curve)
    if settings.saturation:
        red, green, blue = cv2.split(values)
        grey = in_three_channels((red + green + blue) / 3)
        values = grey + (values - grey) * _factor(rng, settings.saturation)
    if settings.contrast:
        mean = values.mean()
        values = mean + (values - mean) * _factor(rng, settings.contrast)
    gains = np.full(3, _factor(rng, settings.brightness))
    if settings.white_balance:
        gains = gains * rng.uniform(1 - settings.white_balance, 1 + settings.white_balance, 3)
    values = values * gains.astype(np.float32)
    if settings.shadow:
        field = rng.random((3, 4)).astype(np.float32) * rng.uniform(0, settings.shadow)
        field = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
        values = values * in_three_channels(1 - field)
    if settings.blur and rng.random() < 1 / 3:
        values = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.1, settings.blur))
    if settings.sharpen and rng.random() < 1 / 3:
        values = values + rng.uniform(0, settings.sharpen) * (
            values - cv2.GaussianBlur(values, (0, 0), 1.0)
        )
    if settings.noise:
        sigma = rng.uniform(0, settings.noise)
        values = values + sigma * rng.standard_normal(values.shape, np.float32)
    changed = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    if settings.compression and rng.random() < 1 / 3:
        return compress(changed, 100 - round(rng.uniform(0, settings.compression)))
    return changed


def in_three_channels(values: np.ndarray) -> np.ndarray:
    """Return an (H, W) array as (H, W, 3); NumPy is several times slower with (H, W, 1)."""
    return cv2.merge([values] * 3)


def compress(rgb: np.ndarray, quality: int) -> np.ndarray:
    """Return a uint8 (H, W, 3) picture with the artefacts of JPEG at a quality from 5 to 100."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def transfer_colours(rgb: np.ndarray, reference: np.ndarray, strength: float) -> np.ndarray:
    """Move a picture's colours towards those of another one.

    Mean and standard deviation of each L*a*b* channel are mixed with the reference's (Reinhard,
    Ashikhmin, Gooch and Shirley 2001), the ratio of the deviations within GAIN_LIMITS. rgb,
    reference: uint8 (H, W, 3) of any two sizes; strength from 0 (unchanged, to a grey level) to 1.
    """
    # In float32: 8-bit L*a*b* and back alone moves saturated colours by up to 22 grey levels.
    lab, other = (
        cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        for picture in (rgb, reference)
    )
    mean, std = (v.ravel() for v in cv2.meanStdDev(lab))
    other_mean, other_std = (v.ravel() for v in cv2.meanStdDev(other))
    gain = 1 + strength * (np.clip(other_std / np.maximum(std, MIN_STD), *GAIN_LIMITS) - 1)
    target = mean + strength * (other_mean - mean)
    moved = (lab - mean.astype(np.float32)) * gain.astype(np.float32) + target.astype(np.float32)
    changed = 255 * cv2.cvtColor(moved, cv2.COLOR_LAB2RGB)
    return np.clip(changed + 0.5, 0, 255).astype(np.uint8)


def _factor(rng: np.random.Generator, strength: float) -> float:
    return float(rng.uniform(1 - strength, 1 + strength))
