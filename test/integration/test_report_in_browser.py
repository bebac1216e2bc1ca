"""The report as people see it: in Chromium, light and dark, on a desk and on a telephone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from browser import LEAST_CONTRAST, TEXT_COLOURS, contrast, luminance
from evaluation_results import Results, write_results

from ldn_openset_ros.report.write import write_report

WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")


@pytest.fixture(scope="module")
def reports(drive_evaluation: Results, tmp_path_factory) -> dict[str, Path]:
    """A report on one run, on two that cannot be compared, and on three bags without truth."""
    root = tmp_path_factory.mktemp("reports")
    summary = drive_evaluation.summary
    other = replace(summary, title="the same, mean of images", protocol="mean of images")
    bare = replace(
        summary,
        ranked_frames=0,
        segmentation=None,
        scores={},
        decision=None,
        missed_outliers=(),
        false_alarms=(),
    )
    one = write_results(root / "one", drive_evaluation)
    two = write_results(root / "two", replace(drive_evaluation, summary=other))
    bags = tuple(
        replace(frame, source=f"night_{number % 3}")
        for number, frame in enumerate(drive_evaluation.frames)
    )
    three = write_results(root / "three", replace(drive_evaluation, summary=bare, frames=bags))
    paths = {name: root / f"{name}.html" for name in ("one", "two", "bare")}
    write_report([one], paths["one"])
    write_report([one, two], paths["two"])
    write_report([three], paths["bare"])
    return paths


@pytest.fixture
def show(browser, reports):
    """Return a function that opens a report and asserts that nothing went wrong."""
    contexts = []

    def show_report(name: str, width: int, scheme: str):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        requests, complaints = [], []
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(reports[name].as_uri(), wait_until="load")
        loaded = [url for url in requests if not url.startswith("data:")]
        assert loaded == [reports[name].as_uri()]
        assert complaints == []
        return page

    yield show_report
    for context in contexts:
        context.close()


def test_contrast_is_that_of_the_standard():
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(118, 118, 118)", "rgb(255, 255, 255)") == pytest.approx(4.54, abs=0.01)


def test_every_part_is_there(show, drive_evaluation):
    page = show("one", 1280, "light")
    assert page.title() == drive_evaluation.summary.title
    assert page.locator("h1").inner_text() == drive_evaluation.summary.title
    charts = page.get_by_role("img").and_(page.locator("svg"))
    assert charts.count() == 3 + 3 + 3 + 1 + 1
    for chart in charts.all():
        box = chart.bounding_box()
        assert box["width"] > 300
        assert box["height"] > 100
    ranking = page.get_by_role("table").first
    value = drive_evaluation.summary.scores["op_x_msm"].auroc.value
    row = ranking.get_by_role("row").filter(has=page.get_by_role("rowheader", name="op_x_msm"))
    assert f"{100 * value:.2f}" in row.inner_text()
    assert page.get_by_role("columnheader", name="FPR95").first.is_visible()
    page.locator("summary").click()
    assert page.get_by_text(drive_evaluation.summary.configuration_hash).is_visible()


def test_every_picture_is_decoded_and_has_a_text(show):
    page = show("one", 1280, "light")
    pictures = page.locator(".gallery img")
    assert pictures.count() == 12
    assert pictures.evaluate_all("all => all.map(i => i.naturalWidth)") == [960] * 12
    assert all(picture.get_attribute("alt").startswith("Frame 17") for picture in pictures.all())


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["one", "two", "bare"])
def test_the_page_never_scrolls_sideways_and_can_be_read(show, name, width, scheme):
    page = show(name, width, scheme)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    pairs = [pair.split("|") for pair in page.evaluate(TEXT_COLOURS)]
    assert len(pairs) >= 3
    poor = [pair for pair in pairs if contrast(*pair) < LEAST_CONTRAST]
    assert poor == []


def test_dark_and_light_differ_in_page_and_charts(show):
    background = "getComputedStyle(document.body).backgroundColor"
    curve = "getComputedStyle(document.querySelector('.chart path[style*=series-1]')).stroke"
    light, dark = (show("one", 1280, scheme) for scheme in SCHEMES)
    assert luminance(light.evaluate(background)) > 0.9
    assert luminance(dark.evaluate(background)) < 0.02
    for page in (light, dark):
        assert contrast(page.evaluate(curve), page.evaluate(background)) > 3
    assert light.evaluate(curve) != dark.evaluate(curve)


@pytest.mark.parametrize("width", WIDTHS)
def test_charts_fit_and_the_one_over_time_changes_its_shape(show, width):
    page = show("one", width, "light")
    shown = page.locator("#time svg[role=img]").filter(visible=True)
    assert shown.count() == 1
    box = shown.bounding_box()
    shape = 1120 / 230 if width == 1280 else 360 / 268
    assert box["width"] / box["height"] == pytest.approx(shape, rel=0.01)
    assert box["x"] + box["width"] <= width


def test_a_wide_table_scrolls_in_its_own_frame_with_its_headings_in_sight(show):
    page = show("one", 390, "light")
    frame = page.locator("#ranking .scroll").first
    assert frame.evaluate("e => e.scrollWidth > e.clientWidth")
    frame.evaluate("e => e.scrollLeft = 200")
    assert frame.get_by_role("rowheader", name="dense_hybrid").bounding_box()["x"] >= 0
    assert frame.locator(".protocol").bounding_box()["x"] >= 0


def test_runs_with_other_protocols_carry_a_warning(show):
    assert "different protocols" in show("two", 1280, "light").get_by_role("note").inner_text()
    assert show("one", 1280, "light").get_by_role("note").count() == 0


def test_without_truth_sentences_stand_in_place_of_charts(show):
    page = show("bare", 1280, "light")
    for part in ("ranking", "curves", "histograms", "size", "segmentation"):
        assert page.locator(f"#{part} svg").count() == 0
        assert page.locator(f"#{part} .remark").first.is_visible()
    assert page.locator("#time svg[role=img]").filter(visible=True).count() == 1
    bags = page.locator("#time .legend li")
    assert bags.all_inner_texts() == ["night_0", "night_1", "night_2"]
    assert all(bag.bounding_box()["height"] < 30 for bag in bags.all())
