from __future__ import annotations

import math

import pytest
import torch

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.scores import (
    SCORES,
    ClassStatistics,
    check_score,
    check_threshold,
    find_score,
    fuse,
    usable_scores,
)

# One pixel: class probabilities 0.7, 0.2, 0.1 and an outlier head that says 0.8.
SEGMENTATION = torch.tensor([0.7, 0.2, 0.1]).log().view(3, 1, 1) + 2.0
OUTLIER = torch.tensor([0.2, 0.8]).log().view(2, 1, 1) - 1.0
LOG_SUM_EXP = 2.0
STATISTICS = ClassStatistics((1.0, 9.0, 9.0), (0.5, 9.0, 9.0))

EXPECTED = {
    "op": 0.8,
    "msm": 0.3,
    "op_x_msm": 0.8 * 0.3,
    "op_plus_msm": (0.8 + 0.3) / 2,
    "dense_hybrid": 1 / (1 + math.exp(-(math.log(0.8) - LOG_SUM_EXP))),
    "standardised_max_logit": 1 / (1 + math.exp((LOG_SUM_EXP + math.log(0.7) - 1.0) / 0.5)),
    "entropy": -(0.7 * math.log(0.7) + 0.2 * math.log(0.2) + 0.1 * math.log(0.1)) / math.log(3),
    "max_logit": 1 / (1 + math.exp((LOG_SUM_EXP + math.log(0.7)) / 10)),
    "energy": 1 / (1 + math.exp(LOG_SUM_EXP / 10)),
}


@pytest.mark.parametrize("name", SCORES)
def test_each_score_has_its_defined_value(name):
    score = find_score(name, statistics=STATISTICS)
    probability = score(SEGMENTATION, OUTLIER).sigmoid().item()
    assert probability == pytest.approx(EXPECTED[name], abs=1e-6)


@pytest.mark.parametrize("name", SCORES)
def test_scores_work_on_batches(name):
    torch.manual_seed(0)
    segmentation, outlier = torch.randn(2, 3, 4, 3), torch.randn(2, 2, 4, 3)
    score = find_score(name, statistics=STATISTICS)
    batched = score(segmentation, outlier)
    assert batched.shape == (2, 4, 3)
    assert torch.equal(batched[1], score(segmentation[1], outlier[1]))


def test_saturated_probabilities_keep_their_order_as_log_odds():
    sure = torch.tensor([0.0, 40.0]).view(2, 1, 1)
    surer = torch.tensor([0.0, 60.0]).view(2, 1, 1)
    flat = torch.zeros(3, 1, 1)
    low, high = (SCORES["op"](flat, head) for head in (sure, surer))
    assert low.sigmoid() == high.sigmoid() == 1
    assert high > low


def test_extreme_logits_give_no_nan():
    segmentation = torch.tensor([1e4, -1e4, 0.0]).view(3, 1, 1)
    for outlier in ([1e4, -1e4], [-1e4, 1e4]):
        for name in SCORES:
            score = find_score(name, statistics=STATISTICS)
            probability = score(segmentation, torch.tensor(outlier).view(2, 1, 1)).sigmoid()
            assert 0 <= probability.item() <= 1, name


def test_fusion_puts_the_outlier_id_where_the_threshold_is_reached():
    labels = torch.tensor([[0, 1, 2]], dtype=torch.uint8)
    probability = torch.tensor([[0.49, 0.5, 0.51]])
    assert fuse(labels, probability, 0.5, 11).tolist() == [[0, 11, 11]]


def test_fusion_keeps_every_label_below_threshold_one():
    labels = torch.tensor([[3]], dtype=torch.uint8)
    assert fuse(labels, torch.tensor([[0.999]]), 1.0, 11).tolist() == [[3]]


def test_unknown_score_lists_the_known_ones():
    with pytest.raises(OpenSetError, match=r"unknown fusion 'max'.*op_x_msm"):
        check_score("max")


def test_an_exponent_weighs_max_softmax_in_the_product():
    score = find_score("op_x_msm", exponent=0.5)
    assert score(SEGMENTATION, OUTLIER).sigmoid().item() == pytest.approx(0.8 * 0.3**0.5, abs=1e-6)


def test_max_logit_is_standardised_by_its_own_class():
    segmentation = torch.tensor([[3.0, 1.0], [1.0, 3.0]]).view(2, 1, 2)
    score = find_score("standardised_max_logit", statistics=ClassStatistics((1, 2), (1, 2)))
    assert score(segmentation, None).flatten().tolist() == [-2.0, -0.5]


@pytest.mark.parametrize("std", [(0.0, 1.0), (1.0,)])
def test_class_statistics_that_do_not_fit_are_refused(std):
    with pytest.raises(OpenSetError, match="class statistics"):
        ClassStatistics((0.0, 1.0), std)


def test_what_a_model_lacks_decides_its_scores():
    assert usable_scores(classes=False) == ("op",)
    assert "standardised_max_logit" not in usable_scores(statistics=False)
    with pytest.raises(OpenSetError, match="needs class logits and class statistics"):
        check_score("standardised_max_logit", usable_scores(classes=False, statistics=False))


@pytest.mark.parametrize(
    ("name", "has", "lacks"),
    [
        ("standardised_max_logit", {"statistics": False}, "class statistics"),
        ("op_x_msm", {"classes": False}, "class logits"),
        ("op_x_msm", {"outlier": False}, "an outlier head"),
    ],
)
def test_a_refusal_names_what_is_missing_alone(name, has, lacks):
    usable = usable_scores(**has)
    with pytest.raises(OpenSetError) as refusal:
        check_score(name, usable)
    assert str(refusal.value) == (
        f"fusion {name!r} needs {lacks}, which this model lacks: choose {', '.join(usable)}"
    )


def test_score_of_a_missing_head_is_refused():
    with pytest.raises(OpenSetError, match="needs an outlier head"):
        check_score("op_x_msm", usable_scores(outlier=False))
    assert check_score("msm", usable_scores(outlier=False)) == "msm"


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan])
def test_threshold_outside_the_unit_interval_is_refused(threshold):
    with pytest.raises(OpenSetError, match="give a value from 0 to 1"):
        check_threshold(threshold)
