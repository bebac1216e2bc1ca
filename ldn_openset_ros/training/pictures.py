"""Training pictures: road scenes with pasted negatives, and whole negatives (METHOD section 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset
from tqdm import tqdm

from ldn_openset_ros.data.negatives import Negative
from ldn_openset_ros.data.pasting import (
    draw_share,
    feather,
    inlier_truth,
    paste,
    paste_region,
    paste_size,
    shape_opacity,
)
from ldn_openset_ros.data.picture_cache import MemoryBudget, PictureCache, fill
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.data.transforms import (
    change_colours,
    change_photometry,
    draw_shorter_side,
    flip,
    random_crop,
    resize_picture,
    resize_shorter_side,
    transfer_colours,
)
from ldn_openset_ros.recognition.registry import build_recognition
from ldn_openset_ros.taxonomy import IGNORE_INDEX
from ldn_openset_ros.training.settings import NegativeSettings, TrainingSettings

PICTURE_STREAM, ORDER_STREAM = 0, 1
"""Keep the random numbers of item i apart from those of negative epoch i."""
SHOWN_PIXELS = 64
"""Of a class, from which on a scene shows it."""


class TrainingPictures(Dataset):
    """Item i of an endless, reproducible stream: a pure function of the settings and i.

    The stream iterates over the negatives, in a new order each negative epoch, and draws the
    road scenes at random. Any item can be made at any time, so a run that was cut goes on
    exactly where it stopped.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        inliers: Sequence[Sample],
        negatives: Sequence[Negative],
        rendered: Sequence[Sample] = (),
    ) -> None:
        self._settings = settings
        self._uses_negatives = build_recognition(settings.recognition).uses_negatives
        self._memory = MemoryBudget(settings.cache_mb * 2**20)
        self._inliers = PictureCache(inliers, self._memory)
        self._negatives = PictureCache(negatives, self._memory)
        self._rendered = rendered
        odds = getattr(inliers, "probabilities", None)
        self._cumulative = None if odds is None else np.cumsum(odds)
        self._showing = scenes_by_class(inliers) if settings.data.class_probability else {}
        self._epoch = -1
        self._order = np.empty(0, np.int64)

    def __len__(self) -> int:
        return self._settings.steps * self._settings.batch_size

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return (H, W, 3) RGB, (H, W) labels and (H, W) outlier truth, all of them uint8."""
        # One OpenCV thread a process: the network needs the cores.
        cv2.setNumThreads(1)
        sample = self.sample(index)
        return tuple(map(torch.from_numpy, (sample.rgb, sample.labels, sample.outlier)))

    def fill_cache(self) -> None:
        """Read what a long run would come to keep in memory."""
        fill((self._inliers, self._negatives), self._memory)

    def sample(self, index: int) -> Sample:
        """Return training picture `index` with labels and outlier truth."""
        settings = self._settings
        rng = np.random.default_rng((settings.seed, PICTURE_STREAM, index))
        if not self._uses_negatives:
            sample = self._scene(rng)
        else:
            negative = self._negative(index)
            if rng.random() < settings.negatives.mixed_probability:
                sample = self._mixed(negative, rng)
            else:
                whole = whole_negative(negative, settings.negatives.background_is_inlier)
                sample = self._crop(whole, rng)
        if settings.domain.region and rng.random() < settings.domain.region:
            sample = self._with_region(sample, rng)
        return change_photometry(sample, settings.photometry, rng)

    def _mixed(self, negative: Negative, rng: np.random.Generator) -> Sample:
        settings = self._settings.negatives
        if not settings.pasting:
            return self._scene(rng)
        if settings.paste_into == "crop":
            return paste_negative(self._scene(rng), negative, settings, rng)
        return self._scene(rng, lambda scene: paste_negative(scene, negative, settings, rng))

    def _negative(self, index: int) -> Negative:
        epoch, place = divmod(index, len(self._negatives))
        if epoch != self._epoch:  # one order at a time: ImageNet has half a million negatives
            rng = np.random.default_rng((self._settings.seed, ORDER_STREAM, epoch))
            self._epoch, self._order = epoch, rng.permutation(len(self._negatives))
        return self._negatives[int(self._order[place])]

    def _scene(
        self, rng: np.random.Generator, change: Callable[[Sample], Sample] | None = None
    ) -> Sample:
        """Draw a road scene, change it as a whole and crop it."""
        scene, class_id = self._draw(rng)
        scene = self._styled(scene, rng)
        scene = self._crop(scene if change is None else change(scene), rng, class_id)
        return scene if scene.outlier is not None else replace(scene, outlier=inlier_truth(scene))

    def _draw(self, rng: np.random.Generator) -> tuple[Sample, int | None]:
        """Draw a road scene; return with it the class that it was drawn for, if any."""
        data = self._settings.data
        if rng.random() < data.rendered_probability:
            return self._rendered[int(rng.integers(len(self._rendered)))], None
        if self._showing and rng.random() < data.class_probability:
            class_id = int(rng.choice(list(self._showing)))
            return self._inliers[int(rng.choice(self._showing[class_id]))], class_id
        if self._cumulative is None:
            return self._inliers[int(rng.integers(len(self._inliers)))], None
        place = int(np.searchsorted(self._cumulative[:-1], rng.random(), side="right"))
        return self._inliers[place], None

    def _styled(self, scene: Sample, rng: np.random.Generator) -> Sample:
        style = self._settings.domain.style
        if not style or rng.random() >= style:
            return scene
        reference = self._negatives[int(rng.integers(len(self._negatives)))]
        strength = float(rng.uniform(0, 1))
        return replace(scene, rgb=transfer_colours(scene.rgb, reference.rgb, strength))

    def _with_region(self, sample: Sample, rng: np.random.Generator) -> Sample:
        size = sample.rgb.shape[:2]
        shape = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        height, width = paste_size(
            shape, size, draw_share(rng, self._settings.domain.region_share)
        )
        top = int(rng.integers(0, size[0] - height + 1))
        left = int(rng.integers(0, size[1] - width + 1))
        negatives = self._settings.negatives
        opacity = draw_outline((height, width), negatives, rng)
        opacity = soften(opacity, negatives.feather, rng)
        return paste_region(sample, self._scene(rng), opacity, top, left)

    def _crop(
        self, sample: Sample, rng: np.random.Generator, class_id: int | None = None
    ) -> Sample:
        side = draw_shorter_side(rng, self._settings.jitter, min(sample.rgb.shape[:2]))
        sample = resize_shorter_side(sample, side)
        sample = random_crop(sample, self._settings.crop, rng, class_id=class_id)
        return flip(sample) if rng.random() < 0.5 else sample


def scenes_by_class(scenes: Sequence[Sample]) -> dict[int, np.ndarray]:
    """Return, for every class that scenes show, the places of those scenes, by reading all."""
    shown: dict[int, list[int]] = {}
    for place in tqdm(range(len(scenes)), desc="finding classes", unit="scene"):
        labels = scenes[place].labels
        counts = np.bincount(labels.ravel(), minlength=IGNORE_INDEX + 1)[:IGNORE_INDEX]
        for class_id in np.flatnonzero(counts >= SHOWN_PIXELS):
            shown.setdefault(int(class_id), []).append(place)
    return {class_id: np.array(shown[class_id]) for class_id in sorted(shown)}


def whole_negative(negative: Negative, background_is_inlier: bool = False) -> Sample:
    """Return the negative picture: outlier in its box or mask, ignore outside, nowhere a class.

    background_is_inlier: where the negative knows its background, that is inlier.
    """
    outlier = np.full(negative.rgb.shape[:2], IGNORE_INDEX, np.uint8)
    if negative.mask is None:
        box = negative.box
        outlier[box.top : box.bottom, box.left : box.right] = 1
    else:
        outlier[negative.mask] = 1
    if background_is_inlier and negative.background is not None:
        outlier[negative.background] = 0
    return Sample(negative.name, negative.rgb, np.full_like(outlier, IGNORE_INDEX), outlier)


def paste_negative(
    scene: Sample, negative: Negative, settings: NegativeSettings, rng: np.random.Generator
) -> Sample:
    """Paste a negative into the scene at a random place, in a random size.

    Its outline is its mask or, where it has none, drawn inside its box.
    """
    box = negative.box
    inside = np.s_[box.top : box.bottom, box.left : box.right]
    patch = negative.rgb[inside]
    height, width = paste_size(
        patch.shape[:2], scene.rgb.shape[:2], draw_share(rng, settings.share)
    )
    patch = resize_picture(patch, (height, width))
    mirrored = rng.random() < 0.5
    if mirrored:
        patch = np.ascontiguousarray(patch[:, ::-1])
    if settings.harmonise and rng.random() < settings.harmonise:
        patch = transfer_colours(patch, scene.rgb, float(rng.uniform(0, 1)))
    patch = change_colours(patch, settings.photometry, rng)
    if negative.mask is None:
        opacity = draw_outline((height, width), settings, rng)
    else:
        opacity = negative.mask[inside].astype(np.float32)
        opacity = resize_picture(opacity, (height, width))
        if mirrored:
            opacity = np.ascontiguousarray(opacity[:, ::-1])
    opacity = soften(opacity, settings.feather, rng)
    top = int(rng.integers(0, scene.rgb.shape[0] - height + 1))
    left = int(rng.integers(0, scene.rgb.shape[1] - width + 1))
    return paste(scene, patch, opacity, top, left)


def draw_outline(
    size: tuple[int, int], settings: NegativeSettings, rng: np.random.Generator
) -> np.ndarray:
    """Draw an outline of the settings' shapes, as opacity of `size` = (h, w), float32 0 or 1."""
    shape = settings.shapes[int(rng.integers(len(settings.shapes)))]
    return shape_opacity(shape, size, rng)


def soften(opacity: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Give an outline a soft border of random width, up to `strength` of its shorter side."""
    return feather(opacity, min(opacity.shape) * rng.uniform(0, strength)) if strength else opacity
