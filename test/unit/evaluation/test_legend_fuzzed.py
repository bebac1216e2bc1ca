"""Legends of a bag with any entry: classes and a threshold that hold, or one OpenSetError."""

from __future__ import annotations

from fuzzing import attempt, with_other_entry
from hypothesis import given

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.bag_job import taxonomy_of_legend, threshold_of_legend
from ldn_openset_ros.inference.legend import legend
from ldn_openset_ros.taxonomy import Taxonomy, load_taxonomy

GOOD = legend(load_taxonomy("camvid"), model="camvid_lite0", fusion="op", threshold=0.5)


@given(with_other_entry(GOOD))
def test_any_other_entry_gives_classes_and_a_threshold_or_one_error(values):
    taxonomy = attempt(taxonomy_of_legend, values)
    if not isinstance(taxonomy, OpenSetError):
        assert isinstance(taxonomy, Taxonomy)
        assert taxonomy.outlier_id == values["outlier_id"]
        assert taxonomy.palette().shape == (256, 3)
    threshold = attempt(threshold_of_legend, values)
    assert threshold is None or isinstance(threshold, OpenSetError) or 0 <= threshold <= 1


def test_an_enormous_number_of_classes_is_refused():
    refusal = attempt(taxonomy_of_legend, {**GOOD, "outlier_id": 10**12})
    assert "the recorded legend is malformed" in str(refusal)
