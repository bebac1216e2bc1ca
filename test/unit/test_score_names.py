from __future__ import annotations

import math

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.score_names import check_score, check_threshold, usable_scores


def test_unknown_score_lists_the_known_ones():
    with pytest.raises(OpenSetError, match=r"unknown fusion 'max'.*op_x_msm"):
        check_score("max")


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
