from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros import Predictor
from ldn_openset_ros.data.sample import Sample
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.domain import check_frames, measure_domain, ordinary_range


@pytest.fixture
def predictor(tiny_model):
    return Predictor.load(tiny_model, device="cpu", fusion="msm", threshold=0.7)


def scenes(count: int) -> list[Sample]:
    rng = np.random.default_rng(2)
    return [Sample(str(n), rng.integers(0, 256, (40, 56, 3), np.uint8)) for n in range(count)]


def test_ranges_hold_the_figures_of_ordinary_frames(predictor):
    samples = scenes(12)
    domain = measure_domain(predictor, samples, "noise")
    assert (domain.fusion, domain.threshold, domain.resolution) == ("msm", 0.7, 0)
    assert (domain.data, domain.frames) == ("noise", 12)
    assert set(domain.ranges) == {"outlier_share", "confidence"}
    for sample in samples:
        figures = predictor.frame_figures(predictor.infer(sample.rgb))
        for name, (low, high) in domain.ranges.items():
            assert low - 1e-4 <= figures[name] <= high + 1e-4


def test_figures_are_those_of_the_maps_at_the_network_s_resolution(predictor):
    (sample,) = scenes(1)
    logits = predictor.infer(sample.rgb)
    heads = logits.heads.segmentation[0].softmax(0).amax(0).numpy()
    figures = predictor.frame_figures(logits)
    assert figures["confidence"] == pytest.approx(heads.mean(), abs=1e-6)
    assert figures["outlier_share"] == pytest.approx((1 - heads >= 0.7).mean())
    assert predictor.frame_figures(logits, threshold=0.0)["outlier_share"] == 1.0


def test_a_range_has_its_own_width_to_spare_on_both_sides():
    values = np.linspace(0.5, 0.6, 1001)
    low, high = ordinary_range(values)
    assert (low, high) == pytest.approx((0.4015, 0.6985), abs=1e-4)
    assert ordinary_range([0.001, 0.02])[0] == 0.0, "shares are never below 0"
    assert ordinary_range([0.98, 0.999])[1] == 1.0


def test_frames_that_are_all_alike_leave_room_for_an_object():
    assert ordinary_range([0.0] * 20) == (0.0, 0.01)
    assert ordinary_range([0.9] * 20) == (0.89, 0.91)


def test_a_few_frames_are_an_error():
    check_frames(10, "scenes")
    with pytest.raises(OpenSetError, match="scenes has 9 frames: give at least 10"):
        check_frames(9, "scenes")
