"""SVG that can stand in a page: right points, the page's colours, no ids in common."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import matplotlib
import numpy as np

from ldn_openset_ros.report.svg import SERIES, draw_svg

SIZE, MARGINS = (360, 268), (52, 10, 10, 42)


def draw(axes) -> None:
    axes.plot([0, 0.25, 1], [0, 0.75, 1], color=SERIES[1], clip_on=False)
    axes.plot([0.5], [0.5], "o", color=SERIES[0])
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="<script> $x$ & #010101")


def svg(name: str = "chart") -> str:
    return draw_svg(draw, name, 'AP "82 %"', SIZE, MARGINS)


def points(path: str) -> np.ndarray:
    return np.array(re.findall(r"[ML] ([\d.]+) ([\d.]+)", path), float)


def test_points_are_where_the_margins_put_them():
    root = ElementTree.fromstring(svg())
    (line,) = (p for p in root.iter("path") if "--series-2" in p.get("style", ""))
    left, right, top, bottom = MARGINS
    width, height = SIZE[0] - left - right, SIZE[1] - top - bottom
    fractions = np.array([[0, 1], [0.25, 0.25], [1, 0]])
    expected = fractions * (width, height) + (left, top)
    np.testing.assert_allclose(points(line.get("d")), expected, atol=1e-3)


def test_colours_and_font_are_the_page_s():
    text = svg()
    assert "var(--ink)" in text
    assert "var(--grid)" in text
    styles = re.findall(r'style="([^"]*)"', text)
    assert not any("#0" in style or "font-family" in style for style in styles)
    assert "<style" not in text


def test_names_are_text_and_nothing_else():
    text = svg()
    assert "&lt;script&gt; $x$ &amp; #010101" in text
    assert 'aria-label="AP &quot;82 %&quot;"' in text
    assert "http" not in text


def test_ids_of_two_charts_differ_and_all_that_is_referred_to_is_there():
    first, second = svg("first"), svg("second")
    ids = re.findall(r'\bid="([^"]*)"', first)
    assert ids
    assert not set(ids) & set(re.findall(r'\bid="([^"]*)"', second))
    referred = re.findall(r'(?:href="|url\()#([\w-]+)', first)
    assert set(referred) == set(ids)


def test_equal_input_gives_equal_text_whatever_the_user_has_set():
    before = svg()
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "lines.linewidth": 9}):
        assert svg() == before
        assert matplotlib.rcParams["font.size"] == 30
