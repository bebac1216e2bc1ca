"""StreetHazards in its published layout."""

from __future__ import annotations

import numpy as np
import pytest

from ldn_openset_ros.data.street_hazards import StreetHazards
from ldn_openset_ros.errors import OpenSetError

ALL_KNOWN = [[*range(1, 14)]]


@pytest.fixture
def root(tmp_path, write):
    """One training frame with every class, one test frame with an anomaly."""
    for package, part, town, labels in (
        ("train", "training", "t1-3", ALL_KNOWN),
        ("test", "test", "t5", [[1, 4, 8, 14]]),
    ):
        folder = tmp_path / package
        write(folder / "images" / part / town / "300.png", np.full((1, len(labels[0]), 3), 70))
        write(folder / "annotations" / part / town / "300.png", labels)
    return tmp_path


def test_twelve_classes_and_the_other_ignored(root):
    frames = StreetHazards(root, "train")
    assert frames.taxonomy.num_classes == 12
    frame = frames[0]
    assert frame.name == "t1-3_300"
    assert frame.labels.tolist() == [[0, 1, 2, 255, 3, 4, 5, 6, 7, 8, 9, 10, 11]]
    assert frame.outlier is None
    assert frames.taxonomy.names[6] == "road"
    assert frames.taxonomy.names[11] == "traffic sign"


def test_anomalies_are_outliers_and_have_no_class(root):
    frame = StreetHazards(root, "test")[0]
    assert frame.labels.tolist() == [[0, 255, 6, 255]]
    assert frame.outlier.tolist() == [[0, 255, 0, 1]]


@pytest.mark.parametrize(
    ("split", "package", "part", "town", "value"),
    [
        ("train", "train", "training", "t1-3", 14),
        ("train", "train", "training", "t1-3", 0),
        ("test", "test", "test", "t5", 15),
    ],
)
def test_a_foreign_value_names_the_file(root, write, split, package, part, town, value):
    path = root / package / "annotations" / part / town / "300.png"
    write(path, np.full((1, 13 if split == "train" else 4), value))
    with pytest.raises(OpenSetError, match=f"{path} holds the value {value}"):
        StreetHazards(root, split)[0]


def test_missing_files_say_where_to_get_them(root):
    with pytest.raises(OpenSetError, match=r"no StreetHazards at .*/validation: .*_train\.tar"):
        StreetHazards(root, "val")
    with pytest.raises(OpenSetError, match="no split 'night': choose train, val, test"):
        StreetHazards(root, "night")
    (root / "test" / "images" / "test" / "t5" / "300.png").unlink()
    with pytest.raises(OpenSetError, match=r"300\.png has no picture .*/images/test/t5/300\.png"):
        StreetHazards(root, "test")
