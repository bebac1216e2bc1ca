from __future__ import annotations

import base64

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.summary import WorstFrame
from ldn_openset_ros.report.galleries import read_pictures


def test_the_file_itself_is_in_the_page(folder, run):
    (first, *_) = read_pictures(folder, run.summary.missed_outliers, "outlier pixels missed")
    kind, _, encoded = first.uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    stored = (folder / run.summary.missed_outliers[0].picture).read_bytes()
    assert base64.b64decode(encoded) == stored
    assert (first.width, first.height) == (2 * 480, 2 * (270 + 26))
    assert not first.is_wide
    assert first.caption == f"{run.summary.missed_outliers[0].pixels:,} outlier pixels missed"


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        ("pictures/none.jpg", r"cannot read .*none\.jpg: No such file"),
        ("../secret.jpg", r"picture \.\./secret\.jpg is outside the results folder"),
        ("summary.json", r"summary\.json is no JPEG or PNG file"),
        ("pictures/broken.jpg", r"broken\.jpg is no readable picture"),
    ],
)
def test_a_picture_that_cannot_be_shown_is_named(folder, picture, message):
    (folder / "pictures" / "broken.jpg").write_bytes(b"not a picture")
    (folder.parent / "secret.jpg").write_bytes(b"not for this page")
    with pytest.raises(OpenSetError, match=message):
        read_pictures(folder, [WorstFrame("1", 3, picture)], "pixels")
