from __future__ import annotations

import math

import pytest
import torch

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.score_names import SCORE_NAMES
from ldn_openset_ros.scores import (
    SCORES,
    ClassStatistics,
    argmax_ids,
    find_score,
    fuse,
    log_sum_exp,
    max_softmax,
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


def test_every_name_has_its_function():
    assert tuple(SCORES) == SCORE_NAMES


def test_fusion_puts_the_outlier_id_where_the_threshold_is_reached():
    labels = torch.tensor([[0, 1, 2]], dtype=torch.uint8)
    probability = torch.tensor([[0.49, 0.5, 0.51]])
    assert fuse(labels, probability, 0.5, 11).tolist() == [[0, 11, 11]]


def test_fusion_keeps_every_label_below_threshold_one():
    labels = torch.tensor([[3]], dtype=torch.uint8)
    assert fuse(labels, torch.tensor([[0.999]]), 1.0, 11).tolist() == [[3]]


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


def random_logits(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 10


def test_ids_are_those_of_argmax():
    segmentation = random_logits(11, 30, 40)
    ids = argmax_ids(segmentation)
    assert ids.dtype == torch.uint8
    assert torch.equal(ids, segmentation.argmax(0).to(torch.uint8))
    assert set(ids.unique().tolist()) == set(range(11))


@pytest.mark.parametrize("classes", [2, 254])
def test_any_number_of_classes_that_a_network_may_have(classes):
    segmentation = random_logits(classes, 9, 40)
    assert torch.equal(argmax_ids(segmentation), segmentation.argmax(0).to(torch.uint8))


def test_of_equal_logits_the_first_wins():
    segmentation = torch.tensor([[[1.0, 0.0]], [[1.0, 2.0]], [[0.5, 2.0]]])
    assert argmax_ids(segmentation).tolist() == [[0, 1]]


def test_what_is_no_number_is_a_class_all_the_same():
    segmentation = torch.tensor([[[torch.nan]], [[1.0]], [[2.0]]])
    assert argmax_ids(segmentation)[0, 0] < 3


@pytest.mark.parametrize("classes", [2, 11])
def test_log_sum_exp_is_torchs(classes):
    segmentation = random_logits(2, classes, 9, 7)
    expected = segmentation.double().logsumexp(1)
    torch.testing.assert_close(log_sum_exp(segmentation).double(), expected, atol=1e-5, rtol=0)


def test_max_softmax_of_equal_logits_has_even_odds():
    # Two classes share everything: 1 - 1/2 against 1/2.
    assert max_softmax(torch.full((2, 1, 1), 3.0)).item() == pytest.approx(0.0, abs=1e-6)
