from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ldn_openset_ros.data.camvid import CamVid
from ldn_openset_ros.data.negatives import (
    Box,
    Negative,
    NegativePictures,
    bounding_box,
    central_box,
)
from ldn_openset_ros.data.pasting import ShareSettings
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.data.transforms import JitterSettings
from ldn_openset_ros.nn.network import NetworkSettings
from ldn_openset_ros.recognition.registry import MODULES, RecognitionSettings
from ldn_openset_ros.training.pictures import (
    TrainingPictures,
    paste_negative,
    scenes_by_class,
    whole_negative,
)
from ldn_openset_ros.training.settings import (
    DataSettings,
    DomainSettings,
    NegativeSettings,
    TrainingSettings,
)

SETTINGS = TrainingSettings(
    "small",
    network=NetworkSettings("efficientnet_lite0", num_classes=11),
    jitter=JitterSettings(48, 60, 40),
    crop=(32, 64),
    batch_size=2,
    steps=50,
    seed=3,
)


def pictures(data, settings=SETTINGS, rendered=()) -> TrainingPictures:
    inliers = CamVid(data / "camvid", "train")
    negatives = NegativePictures(
        data / "imagenet_samples" / "train", settings.negatives.box_extent
    )
    return TrainingPictures(settings, inliers, negatives, rendered)


def test_items_have_the_crops_size_and_types(small_data):
    rgb, labels, outlier = pictures(small_data)[0]
    assert tuple(rgb.shape) == (32, 64, 3)
    assert tuple(labels.shape) == tuple(outlier.shape) == (32, 64)
    assert rgb.dtype == labels.dtype == outlier.dtype == torch.uint8
    assert len(pictures(small_data)) == 100


def test_any_item_can_be_made_again(small_data):
    first, second = pictures(small_data), pictures(small_data)
    expected = first.sample(17)
    for index in (3, 99, 17):
        again = second.sample(index)
    assert np.array_equal(again.rgb, expected.rgb)
    assert np.array_equal(again.outlier, expected.outlier)


@pytest.mark.parametrize("cache_mb", [2, 100])
def test_pictures_from_memory_are_those_read_anew(cache_mb):
    """Whether the cache has room for some or for all, and in every kind of picture."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (6, 512, 512, 3), np.uint8)
    # A MiB each, labels or mask included.
    scenes = [Sample(str(i), rgb, rgb[..., 0] // 64) for i, rgb in enumerate(colours[:3])]
    masks = [rgb[..., 1] > 60 for rgb in colours[3:]]
    negatives = [
        Negative(str(i), rgb, bounding_box(mask), mask)
        for i, (rgb, mask) in enumerate(zip(colours[3:], masks, strict=True))
    ]
    settings = replace(SETTINGS, domain=DomainSettings(region=0.5, style=0.5))
    cached, plain = (
        TrainingPictures(replace(settings, cache_mb=size), scenes, negatives)
        for size in (cache_mb, 0)
    )
    for index in (*range(12), *range(12)):
        for found, expected in zip(cached[index], plain[index], strict=True):
            assert torch.equal(found, expected), index


def test_outlier_pixels_never_carry_a_class(small_data):
    stream = pictures(small_data)
    for index in range(20):
        sample = stream.sample(index)
        assert (sample.labels[sample.outlier == 1] == 255).all()
        assert (sample.labels[sample.outlier == 255] == 255).all()
        assert set(np.unique(sample.labels)) <= {0, 3, 255}


def test_every_negative_is_used_once_in_a_negative_epoch(small_data):
    stream = pictures(small_data)
    names = [stream._negative(index).name for index in range(10)]
    assert sorted(names[:5]) == sorted(names[5:]) == ["n0", "n1", "n2", "n3", "n4"]
    assert names[:5] != names[5:]


@pytest.mark.parametrize(("probability", "mixed"), [(0.0, 0), (1.0, 40)])
def test_mixed_probability_decides_between_pastes_and_whole_negatives(
    small_data, probability, mixed
):
    settings = replace(SETTINGS, negatives=NegativeSettings(mixed_probability=probability))
    stream = pictures(small_data, settings)
    counted = sum(bool((stream.sample(i).outlier == 0).any()) for i in range(40))
    assert counted == mixed


def test_rendered_scenes_join_the_inliers(small_data):
    settings = replace(
        SETTINGS,
        negatives=NegativeSettings(mixed_probability=1.0),
        data=DataSettings(rendered_scenes=1, rendered_probability=1.0),
    )
    scene = CamVid(small_data / "camvid", "train")[0]
    marked = replace(scene, labels=np.full_like(scene.labels, 5))
    stream = pictures(small_data, settings, [marked])
    labels = np.concatenate([stream.sample(i).labels.ravel() for i in range(5)])
    assert set(np.unique(labels)) == {5, 255}


def test_a_whole_negative_is_outlier_in_its_box_and_ignored_around_it():
    rgb = np.zeros((40, 80, 3), np.uint8)
    sample = whole_negative(Negative("n", rgb, central_box(40, 80, 0.5)))
    inside = np.zeros((40, 80), bool)
    inside[10:30, 20:60] = True
    assert (sample.outlier[inside] == 1).all()
    assert (sample.outlier[~inside] == 255).all()
    assert (sample.labels == 255).all()


# Scenes and negatives of flat colours, in which every pixel says where it comes from.
ROAD, SKY = 60, 180
OBJECT, SURROUNDINGS = 250, 10
FIVE_PER_CENT = ShareSettings("fixed", 0.05, 0.05)


def flat_scene(grey: int, label: int, size: tuple[int, int] = (64, 128)) -> Sample:
    labels = np.full(size, label, np.uint8)
    return Sample(f"scene_{label}", np.full((*size, 3), grey, np.uint8), labels)


def masked_negative(size: tuple[int, int] = (64, 128)) -> Negative:
    """An L of 20 x 20 pixels, which mirrored is another shape."""
    mask = np.zeros(size, bool)
    mask[10:30, 40:48] = mask[22:30, 40:60] = True
    rgb = np.full((*size, 3), SURROUNDINGS, np.uint8)
    rgb[mask] = OBJECT
    return Negative("l", rgb, bounding_box(mask), mask)


def flat_pictures(scenes=None, negative=None, **changes) -> TrainingPictures:
    """A stream without jitter, on crops of the scenes' size."""
    plain = {"jitter": JitterSettings(64, 64, 64), "crop": (64, 128), **changes}
    scenes = scenes or [flat_scene(ROAD, 3), flat_scene(SKY, 5)]
    return TrainingPictures(replace(SETTINGS, **plain), scenes, [negative or masked_negative()])


def test_without_pasting_negatives_come_whole_or_not_at_all():
    stream = flat_pictures(negatives=NegativeSettings(mixed_probability=0.5, pasting=False))
    kinds = [set(np.unique(stream.sample(i).outlier)) for i in range(60)]
    assert kinds.count({0}) + kinds.count({1, 255}) == 60
    assert 18 < kinds.count({0}) < 42
    for index in range(60):
        sample = stream.sample(index)
        assert (sample.outlier.max() == 0) == (set(np.unique(sample.rgb)) <= {ROAD, SKY})


def test_the_papers_paste_has_five_per_cent_of_the_scene():
    scene = flat_scene(ROAD, 3, (200, 400))
    negative = Negative("n", np.full((90, 45, 3), OBJECT, np.uint8), Box(0, 0, 45, 90))
    settings = NegativeSettings(share=FIVE_PER_CENT)
    for seed in range(5):
        pasted = paste_negative(scene, negative, settings, np.random.default_rng(seed))
        covered = pasted.outlier == 1
        assert covered.mean() == pytest.approx(0.05, rel=0.02)
        box = bounding_box(covered)
        assert (box.bottom - box.top) / (box.right - box.left) == pytest.approx(2, rel=0.05)
        assert np.array_equal(covered, pasted.rgb[..., 0] == OBJECT)
        assert np.array_equal(covered, pasted.labels == 255)


def test_the_share_is_of_the_scene_or_of_the_crop():
    negative = Negative("n", np.full((40, 40, 3), OBJECT, np.uint8), Box(0, 0, 40, 40))
    covered = {}
    for place in ("scene", "crop"):
        settings = NegativeSettings(
            mixed_probability=1.0, paste_into=place, share=FIVE_PER_CENT, shapes=("box",)
        )
        scenes = [flat_scene(ROAD, 3, (128, 256))]
        stream = flat_pictures(scenes, negative, negatives=settings, crop=(32, 64))
        covered[place] = [int((stream.sample(i).outlier == 1).sum()) for i in range(40)]
    # 5 % of 32 x 64 are a box of 10 x 10: none is lost. 5 % of the scene, which jitter has
    # halved to 64 x 128, are 20 x 20: whole, cut or beside the crop.
    assert set(covered["crop"]) == {100}
    assert min(covered["scene"]) == 0
    assert max(covered["scene"]) == 400
    assert any(0 < count < 400 for count in covered["scene"])


def test_a_mask_is_the_outline_of_the_paste_and_is_mirrored_with_the_picture():
    negative = masked_negative()
    shape = negative.mask[10:30, 40:60]
    # The share of its box, 20 x 20 of 64 x 128: pasted in its own size.
    share = ShareSettings("fixed", maximum=400 / (64 * 128))
    settings = NegativeSettings(mixed_probability=1.0, share=share)
    stream = flat_pictures([flat_scene(ROAD, 3)], negative, negatives=settings)
    seen = set()
    for index in range(20):
        sample = stream.sample(index)
        covered = sample.outlier == 1
        assert np.array_equal(covered, sample.rgb[..., 0] == OBJECT)
        assert np.array_equal(~covered, sample.rgb[..., 0] == ROAD)
        box = bounding_box(covered)
        found = covered[box.top : box.bottom, box.left : box.right]
        seen.add(found.tobytes())
        assert found.tobytes() in {shape.tobytes(), shape[:, ::-1].tobytes()}
    assert len(seen) == 2


def test_an_enlarged_paste_has_no_steps():
    ramp = np.repeat(np.linspace(0, 255, 8).astype(np.uint8)[None, :, None], 8, 0)
    negative = Negative("n", np.repeat(ramp, 3, 2), Box(0, 0, 8, 8))
    settings = NegativeSettings(share=ShareSettings("fixed", maximum=0.5))
    pasted = paste_negative(flat_scene(ROAD, 3), negative, settings, np.random.default_rng(0))
    row = pasted.rgb[pasted.outlier.max(1) == 1][20, :, 0]
    inside = row[(pasted.outlier == 1).any(0)]
    assert len(inside) == 64
    assert len(np.unique(inside)) > 50


def test_a_whole_negative_with_a_mask_is_outlier_in_it_and_ignored_around_it():
    negative = masked_negative()
    sample = whole_negative(negative)
    assert np.array_equal(sample.outlier, np.where(negative.mask, 1, 255))
    assert (sample.labels == 255).all()
    stream = flat_pictures(negatives=NegativeSettings(mixed_probability=0.0))
    for index in range(10):
        shown = stream.sample(index)
        assert np.array_equal(shown.outlier == 1, shown.rgb[..., 0] == OBJECT)
        assert np.array_equal(shown.outlier == 255, shown.rgb[..., 0] == SURROUNDINGS)
        assert (shown.labels == 255).all()


@pytest.mark.parametrize("shape", ["box", "ellipse"])
def test_soft_borders_are_blended_and_belong_to_the_paste_from_half_opacity_on(shape):
    negative = Negative("n", np.full((40, 40, 3), 200, np.uint8), Box(0, 0, 40, 40))
    settings = NegativeSettings(
        share=ShareSettings("fixed", maximum=0.3), shapes=(shape,), feather=0.2
    )
    scene = flat_scene(100, 3)
    for seed in range(5):
        pasted = paste_negative(scene, negative, settings, np.random.default_rng(seed))
        grey = pasted.rgb[..., 0]
        assert (pasted.outlier[grey > 150] == 1).all()
        assert (pasted.outlier[grey < 150] == 0).all()
        assert ((grey > 100) & (grey < 200)).sum() > 10
        assert grey.max() >= 195


class Weighted(list):
    """Scenes of which every second one is never drawn."""

    @property
    def probabilities(self) -> np.ndarray:
        odds = np.arange(len(self)) % 2
        return odds / odds.sum()


def test_scenes_are_drawn_by_their_probabilities():
    scenes = Weighted(flat_scene(ROAD, label) for label in range(6))
    settings = NegativeSettings(mixed_probability=1.0, pasting=False)
    stream = flat_pictures(scenes, negatives=settings)
    labels = [int(stream.sample(i).labels[0, 0]) for i in range(90)]
    assert set(labels) == {1, 3, 5}
    assert all(18 < labels.count(label) < 42 for label in (1, 3, 5))


def test_rare_classes_are_drawn_as_often_as_others_and_are_in_the_crop():
    """One scene of forty shows class 5, in one corner; one more shows too little of class 7."""
    scenes = [flat_scene(ROAD, 3, (128, 256)) for _ in range(40)]
    scenes[11].labels[-9:, -9:] = 5
    scenes[12].labels[0, :10] = 7
    shown = scenes_by_class(scenes)
    assert {label: places.tolist() for label, places in shown.items()} == {
        3: list(range(40)),
        5: [11],
    }
    for probability, least, most in ((1.0, 30, 50), (0.0, 0, 8)):
        stream = flat_pictures(
            scenes,
            jitter=JitterSettings(128, 128, 128),
            crop=(32, 64),
            data=DataSettings(class_probability=probability),
            negatives=NegativeSettings(mixed_probability=1.0, pasting=False),
        )
        rare = sum(bool((stream.sample(i).labels == 5).any()) for i in range(80))
        assert least <= rare <= most, probability


def test_style_changes_the_colours_of_scenes_alone():
    share = ShareSettings("fixed", maximum=400 / (64 * 128))
    styled = flat_pictures(
        [flat_scene(ROAD, 3)],
        negatives=NegativeSettings(mixed_probability=1.0, share=share),
        domain=DomainSettings(style=1.0),
    )
    greys = set()
    for index in range(20):
        sample = styled.sample(index)
        covered = sample.outlier == 1
        assert (sample.rgb[covered] == OBJECT).all()
        (grey,) = np.unique(sample.rgb[~covered])
        greys.add(int(grey))
        assert np.array_equal(sample.labels, np.where(covered, 255, 3))
    # The negative's mean is darker than the road; the strength is drawn.
    assert len(greys) > 10
    assert min(greys) < ROAD - 20
    assert max(greys) <= ROAD


def test_style_leaves_whole_negatives_alone():
    settings = NegativeSettings(mixed_probability=0.0)
    plain = flat_pictures(negatives=settings)
    styled = flat_pictures(negatives=settings, domain=DomainSettings(style=1.0))
    for index in range(10):
        assert np.array_equal(plain.sample(index).rgb, styled.sample(index).rgb)


def assert_truth_is_that_of_the_colours(sample: Sample) -> None:
    grey = sample.rgb[..., 0]
    assert np.array_equal(sample.labels == 3, grey == ROAD)
    assert np.array_equal(sample.labels == 5, grey == SKY)
    assert np.array_equal(sample.outlier == 0, (grey == ROAD) | (grey == SKY))
    assert np.array_equal(sample.outlier == 1, grey == OBJECT)
    assert np.array_equal(sample.outlier == 255, grey == SURROUNDINGS)


def test_a_region_of_another_scene_brings_its_truth_into_whole_negatives():
    domain = DomainSettings(region=1.0, region_share=ShareSettings("uniform", 0.05, 0.3))
    stream = flat_pictures(negatives=NegativeSettings(mixed_probability=0.0), domain=domain)
    shares = []
    for index in range(30):
        sample = stream.sample(index)
        assert_truth_is_that_of_the_colours(sample)
        shares.append(float((sample.outlier == 0).mean()))
    assert 0.04 < min(shares) < max(shares) < 0.32


def test_a_region_of_another_scene_brings_its_truth_into_scenes():
    domain = DomainSettings(region=1.0, region_share=ShareSettings("uniform", 0.05, 0.3))
    settings = NegativeSettings(mixed_probability=1.0, pasting=False)
    stream = flat_pictures(negatives=settings, domain=domain)
    samples = [stream.sample(i) for i in range(30)]
    for sample in samples:
        assert_truth_is_that_of_the_colours(sample)
    both = sum(set(np.unique(sample.labels)) == {3, 5} for sample in samples)
    assert 8 <= both <= 22


def test_regions_come_as_often_as_their_probability_says():
    domain = DomainSettings(region=0.5, region_share=ShareSettings("uniform", 0.05, 0.3))
    stream = flat_pictures(negatives=NegativeSettings(mixed_probability=0.0), domain=domain)
    counted = sum(bool((stream.sample(i).outlier == 0).any()) for i in range(60))
    assert 18 < counted < 42


@pytest.mark.parametrize("name", MODULES)
def test_modules_that_use_no_negatives_never_show_one(name):
    network = replace(SETTINGS.network, dropout=0.2)
    stream = flat_pictures(
        recognition=RecognitionSettings(name),
        network=network,
        negatives=NegativeSettings(mixed_probability=0.2),
    )
    samples = [stream.sample(i) for i in range(30)]
    shown = [bool((sample.outlier == 1).any()) for sample in samples]
    assert any(shown) == MODULES[name].uses_negatives
    if not MODULES[name].uses_negatives:
        assert {tuple(np.unique(sample.rgb)) for sample in samples} == {(ROAD,), (SKY,)}
        assert all((sample.outlier == 0).all() for sample in samples)


def test_the_order_of_negatives_and_the_pictures_are_independent_streams(small_data):
    """Epoch n and picture n have the same number, but not the same random numbers."""
    stream = pictures(small_data)
    order = {
        epoch: [int(stream._negative(5 * epoch + place).name[1:]) for place in range(5)]
        for epoch in range(20)
    }
    same = [
        order[n] == np.random.default_rng((SETTINGS.seed, 0, n)).permutation(5).tolist()
        for n in range(20)
    ]
    assert sum(same) <= 2, "one in 120 by chance"


def test_another_seed_is_another_stream(small_data):
    first, second = pictures(small_data), pictures(small_data, replace(SETTINGS, seed=4))
    different = [not np.array_equal(first.sample(i).rgb, second.sample(i).rgb) for i in range(5)]
    assert all(different)
