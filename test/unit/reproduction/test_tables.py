"""Known measurements as Markdown and JSON, to the last character and value."""

from __future__ import annotations

import json

import pytest

from ldn_openset_ros.evaluation.spread import Spread
from ldn_openset_ros.reproduction.plan import Column, MeasuredSet, Profile, Row, Table
from ldn_openset_ros.reproduction.tables import (
    area_spreads,
    column_spread,
    protocol,
    to_dict,
    to_markdown,
)

PROFILE = Profile(
    name="small",
    needs=("camvid",),
    experiment="experiment.yaml",
    seeds=(1, 2),
    tests={
        "pasted": MeasuredSet("camvid_horses"),
        "road": MeasuredSet("camvid", "camvid"),
    },
    notes=("Pasted ones are horses.",),
)
ROWS = (
    Row("two heads", "two_heads", "op", paper={"ap": 34.9, "miou": 46.27}),
    Row("C-way + ODIN", "multi_class", "msm", recognition="odin"),
    Row("single outlier head", "outlier_head", "op", paper={"ap": 15.0}),
)
TABLE = Table(
    title="Table 0: known",
    columns=(
        Column("ap", "AP", "pasted", "average_precision"),
        Column("fpr95", "FPR95", "pasted", "fpr95"),
        Column("miou", "mIoU", "road", "mean_iou"),
    ),
    rows=ROWS,
)
FIGURE = Table("By size", ROWS[:1], area_edges=(0.0005, 0.01, 0.12), area_test="pasted")


def ranked(score: str, average_precision: float, fpr95: float | None) -> dict:
    measures = {"average_precision": average_precision, "auroc": 0.9, "fpr95": fpr95}
    return {"protocol": "pasted at 64x48", "mean_iou": None, "ranking": {score: measures}}


def segmented(mean_iou: float | None) -> dict:
    return {"protocol": "roads at 64x48", "mean_iou": mean_iou, "ranking": {}}


@pytest.fixture
def measurements() -> dict:
    """Two seeds; FPR95 is not defined for ODIN's second one, mIoU not for the single head."""
    return {
        ("two_heads", None, "pasted"): [ranked("op", 0.4, 0.25), ranked("op", 0.5, 0.25)],
        ("two_heads", None, "road"): [segmented(0.5), segmented(0.52)],
        ("multi_class", "odin", "pasted"): [ranked("msm", 0.1, 0.3), ranked("msm", 0.12, None)],
        ("multi_class", "odin", "road"): [segmented(0.6), segmented(0.6)],
        ("outlier_head", None, "pasted"): [ranked("op", 0.7, None), ranked("op", 0.7, None)],
        ("outlier_head", None, "road"): [segmented(None), segmented(None)],
    }


@pytest.fixture
def measured_by_size() -> dict:
    """One seed: 4 and 60 % AP for small and large outliers, none of them found for FPR95."""
    sizes = [
        {"measures": {"average_precision": 0.04, "fpr95": None}},
        {"measures": {"average_precision": 0.6, "fpr95": 0.125}},
    ]
    entry = {**ranked("op", 0.5, 0.2), "by_area": {"op": sizes}}
    return {("two_heads", None, "pasted"): [entry]}


def test_markdown_has_the_papers_figures_beside_ours(measurements):
    assert to_markdown(TABLE, PROFILE, [1, 2], measurements) == (
        "### Table 0: known\n"
        "\n"
        "Profile `small`, seeds 1, 2; in per cent, mean ± standard deviation over seeds and "
        "assays, the paper's figures in brackets.\n"
        "\n"
        "| row | score | AP | FPR95 | mIoU |\n"
        "|---|---|---|---|---|\n"
        "| two heads | op | 45.0 ± 7.1 (34.9) | 25.0 ± 0.0 | 51.0 ± 1.4 (46.27) |\n"
        "| C-way + ODIN | msm | 11.0 ± 1.4 | 30.0 | 60.0 ± 0.0 |\n"
        "| single outlier head | op | 70.0 ± 0.0 (15) | - | - |\n"
        "\n"
        "- pasted: pasted at 64x48\n"
        "- road: roads at 64x48\n"
        "- Pasted ones are horses.\n"
    )


def test_json_has_every_value(measurements):
    values = to_dict("table0", TABLE, PROFILE, [1, 2], measurements)
    rows = values.pop("rows")
    assert values == {
        "table": "table0",
        "title": "Table 0: known",
        "profile": "small",
        "seeds": [1, 2],
        "protocol": {"pasted": "pasted at 64x48", "road": "roads at 64x48"},
        "notes": ["Pasted ones are horses."],
    }
    plain = json.loads(json.dumps(rows, allow_nan=False))
    assert plain[0] == {
        "title": "two heads",
        "run": "two_heads",
        "score": "op",
        "figures": {
            "ap": {
                "mean": 45.0,
                "standard_deviation": 7.071,
                "values": [40.0, 50.0],
                "paper": 34.9,
            },
            "fpr95": {
                "mean": 25.0,
                "standard_deviation": 0.0,
                "values": [25.0, 25.0],
                "paper": None,
            },
            "miou": {
                "mean": 51.0,
                "standard_deviation": 1.414,
                "values": [50.0, 52.0],
                "paper": 46.27,
            },
        },
    }
    assert plain[2]["figures"]["miou"] == {
        "mean": None,
        "standard_deviation": None,
        "values": [],
        "paper": None,
    }


def test_a_figure_by_size_has_a_column_for_each_bin(measured_by_size):
    text = to_markdown(FIGURE, PROFILE, [1], measured_by_size).splitlines()
    assert text[2].startswith("Profile `small`, seeds 1; ")
    assert text[4:7] == [
        "| row, AP / FPR95 | 0.05 to 1 % | 1 to 12 % |",
        "|---|---|---|",
        "| two heads | 4.0 / - | 60.0 / 12.5 |",
    ]
    (row,) = to_dict("figure", FIGURE, PROFILE, [1], measured_by_size)["rows"]
    assert [(size["lower"], size["upper"]) for size in row["by_area"]] == [
        (0.0005, 0.01),
        (0.01, 0.12),
    ]
    assert [size["ap"]["mean"] for size in row["by_area"]] == [4.0, 60.0]
    assert [size["fpr95"]["mean"] for size in row["by_area"]] == [None, 12.5]
    assert row["figures"] == {}


def test_a_cell_takes_its_rows_own_recognition_module_and_score(measurements):
    row = Row("C-way", "multi_class", "msm")
    measurements["multi_class", None, "pasted"] = [
        {"ranking": {"msm": {"auroc": 0.7}, "op": {"auroc": 0.1}}}
    ]
    column = Column("auroc", "AUROC", "pasted", "auroc")
    assert column_spread(row, column, measurements) == Spread(70.0, 0.0, (70.0,))
    assert column_spread(ROWS[1], column, measurements) == Spread(90.0, 0.0, (90.0, 90.0))


def test_bins_are_summarised_over_seeds(measured_by_size):
    ((entry,),) = measured_by_size.values()
    other = [{"measures": {"average_precision": 0.06, "fpr95": 0.5}}] * 2
    both = {key: [entry, {**entry, "by_area": {"op": other}}] for key in measured_by_size}
    (small_ap, small_fpr95), (large_ap, _) = area_spreads(ROWS[0], FIGURE, both)
    assert str(small_ap) == "5.0 ± 1.4"
    assert str(small_fpr95) == "50.0"
    assert large_ap.values == (60.0, 6.0)


def test_the_protocol_is_that_of_the_tests_in_the_table(measurements):
    assert protocol(FIGURE, measurements) == {"pasted": "pasted at 64x48"}
