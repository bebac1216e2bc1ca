from __future__ import annotations

import pytest

from ldn_openset_ros.cli.threshold import threshold


def test_a_number_or_the_word():
    assert threshold("0.25") == 0.25
    assert threshold("1") == 1.0
    assert threshold("calibrated") == "calibrated"
    with pytest.raises(ValueError, match="high"):
        threshold("high")
