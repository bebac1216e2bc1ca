from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ldn_openset_ros.evaluation.summary import AreaSummary, Calibration, ScoreHistogram, StageTime
from ldn_openset_ros.report import charts


def axes():
    return Figure().add_subplot()


def test_24_series_in_a_row_look_different():
    looks = {(charts.colour(index), charts.dashes(index)) for index in range(24)}
    assert len(looks) == 24


def test_long_recordings_keep_their_mean_and_their_extremes():
    y = np.zeros(1500)
    y[700] = 1.0
    x, mean, low, high = charts.thin_out(charts.ShareOverTime(np.arange(1500) / 10, y))
    assert len(x) == charts.MAX_POINTS
    assert x[0] == 0.05
    assert high.max() == 1.0
    assert low.max() == 0.0
    place = int(np.argmax(high))
    assert mean[place] in (0.5, 1 / 3)
    assert abs(x[place] - 70) < 0.2


def test_short_recordings_keep_every_frame():
    share = charts.ShareOverTime(np.array([0.0, 0.1, 0.4]), np.array([0.1, 0.3, 0.2]))
    x, mean, low, high = charts.thin_out(share)
    assert x.tolist() == [0.0, 0.1, 0.4]
    assert mean.tolist() == low.tolist() == high.tolist() == [0.1, 0.3, 0.2]


def test_empty_reliability_bins_are_gaps():
    drawn = axes()
    calibration = Calibration(0.1, (0.1, None, 0.9), (0.2, None, 0.8), (5, 0, 7))
    charts.draw_reliability(drawn, [(0, calibration)])
    line = drawn.lines[-1]
    np.testing.assert_array_equal(line.get_xdata(), [0.1, np.nan, 0.9])
    np.testing.assert_array_equal(line.get_ydata(), [0.2, np.nan, 0.8])


def test_runs_with_other_sizes_share_one_axis():
    def area(lower, upper, value):
        return AreaSummary(lower, upper, 1, 10, value, value, value, value)

    drawn = axes()
    bins = [(0.0, 0.01), (0.01, 0.1), (0.01, 1.0)]
    runs = [[area(0.0, 0.01, 0.3), area(0.01, 1.0, 0.6)], [area(0.01, 0.1, 0.5)]]
    charts.draw_by_area(drawn, runs, bins, "fpr95", "FPR95")
    first, second = (line.get_ydata() for line in drawn.lines)
    np.testing.assert_array_equal(first, [0.3, np.nan, 0.6])
    np.testing.assert_array_equal(second, [np.nan, 0.5, np.nan])
    assert [label.get_text() for label in drawn.get_xticklabels()] == [
        "0 to 1",
        "1 to 10",
        "1 to 100",
    ]


def test_histogram_of_nothing_but_zeros_can_be_drawn():
    drawn = axes()
    charts.draw_histogram(drawn, ScoreHistogram((-20.0, 0.0, 20.0), (0, 0), (0, 0)))
    assert drawn.get_ylim()[0] > 0.5


def test_bars_end_at_the_median_and_lines_at_the_95th_percentile():
    drawn = axes()
    stages = {"read": StageTime(1.0, 0.9, 1.5), "network": StageTime(80.0, 79.0, 96.0)}
    charts.draw_latency(drawn, ["read", "network", "measure"], [stages])
    assert [bar.get_width() for bar in drawn.patches] == [0.9, 79.0]
    assert max(np.max(line.get_xdata()) for line in drawn.lines) == 96.0
