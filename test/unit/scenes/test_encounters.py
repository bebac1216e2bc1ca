import numpy as np
import pytest

from ldn_openset_ros.scenes.encounters import SPACING, Encounters
from ldn_openset_ros.scenes.street import draw_street


def make(seed, outliers=True):
    street = draw_street(np.random.default_rng((seed, 2)))
    return street, Encounters(seed, street, outliers)


def test_stretches_agree_whatever_is_asked_first():
    _, encounters = make(3)
    whole = encounters.between(0, 2000)
    _, again = make(3)
    pieces = [e for s in range(1900, -1, -100) for e in again.between(s, s + 99.999)]
    assert sorted(pieces, key=lambda e: e.s) == whole
    assert 2000 / SPACING / 2 <= len(whole) <= 2000 / SPACING + 1


def test_a_drive_without_outliers_meets_nothing():
    _, encounters = make(3, outliers=False)
    assert encounters.between(0, 5000) == []


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_in_the_lane_when_the_camera_arrives(seed):
    street, encounters = make(seed)
    for met in encounters.between(0, 3000):
        for seconds in (1.0, 0.5, 0.0):
            gap = abs(met.place(seconds) - street.ego_lane)
            assert gap > 1.45, met


def test_animals_cross_from_one_side_to_the_other():
    street, encounters = make(1)
    crossing = [e for e in encounters.between(0, 3000) if e.pace]
    assert crossing
    for met in crossing:
        before, after = (np.sign(met.place(t) - street.ego_lane) for t in (12.0, 0.0))
        assert before == -after
        assert abs(met.place(60.0)) <= met.limit  # it waits beside the road, not in a house
