"""The shipped tables and profiles, and how a profile is chosen."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.predictor import choose_recognition
from ldn_openset_ros.reproduction.names import PROFILE_NAMES, TABLE_NAMES
from ldn_openset_ros.reproduction.plan import (
    Column,
    MeasuredSet,
    Row,
    Table,
    check_tests,
    choose_profile,
    read_profile,
    read_table,
    run_settings,
)
from ldn_openset_ros.resources import config_file
from ldn_openset_ros.taxonomy import load_taxonomy
from ldn_openset_ros.training.initial import describe
from ldn_openset_ros.training.settings import TrainingSettings


@pytest.mark.parametrize("profile_name", PROFILE_NAMES)
@pytest.mark.parametrize("table_name", TABLE_NAMES)
def test_every_row_can_be_trained_and_scored(table_name, profile_name):
    profile, table = read_profile(profile_name), read_table(table_name)
    taxonomy = load_taxonomy("camvid" if profile_name == "camvid" else "cityscapes")
    for row in table.rows:
        settings = run_settings(profile, row.run, seed=7)
        assert (settings.name, settings.seed) == (row.run, 7)
        # The model that the paper's runs start from is not shipped.
        description = describe(replace(settings, initial_model=None), taxonomy)
        description = choose_recognition(description, row.recognition)
        assert row.score in description.usable_scores()
        assert set(row.paper) <= {column.key for column in table.columns}
    assert set(table.tests()) <= set(profile.tests)


def test_the_numbers_of_the_papers_table_1():
    columns = ("whole_ap", "pasted_ap", "miou")
    found = {
        row.title: (row.score, *(row.paper.get(key) for key in columns))
        for row in read_table("table1").rows
    }
    assert found == {
        "C-way multi-class": ("msm", 55.6, 5.0, 50.6),
        "C-way multi-class + ODIN": ("msm", 56.0, 6.0, 51.4),
        "C-way multi-class + MC dropout": ("op", 64.1, 9.8, 48.4),
        "confidence head": ("op", 54.4, 3.4, 46.4),
        "single outlier head": ("op", 99.3, 15.0, None),
        "two heads, no pasting": ("op", 98.9, 3.5, 46.27),
        "two heads": ("op", 99.3, 34.9, 47.9),
        "C-way outlier exposure": ("msm", 99.5, 33.8, 47.8),
        "C+1-way": ("op", 98.9, 25.6, 46.2),
        "C-way multi-label": ("op", 98.8, 49.1, 43.4),
    }


def test_the_numbers_of_the_papers_table_3():
    columns = ("ap", "auroc", "fpr95", "miou")
    found = {
        row.title: (row.score, *(row.paper.get(key) for key in columns))
        for row in read_table("table3").rows
    }
    assert found == {
        "LDN_JS, MSM": ("msm", 7.8, 92.1, 26.6, 76.4),
        "LDN_OE, MSM": ("msm", 9.5, 88.8, 44.2, 72.2),
        "LDN_BIN, OP": ("op", 13.2, 88.0, 71.9, 75.1),
        "LDN_BIN JS, OP": ("op", 25.4, 89.8, 90.0, 76.5),
        "LDN_BIN JS RSP, OP": ("op", 36.9, 96.1, 20.0, 76.3),
        "LDN_BIN JS RSP, OP x MSM": ("op_x_msm", 45.7, 95.6, 24.0, None),
    }


def test_rows_recognise_as_the_paper_does():
    recognised = {
        row.title: row.recognition
        or run_settings(read_profile("vistas"), row.run, 1).recognition.name
        for row in read_table("table1").rows
    }
    assert recognised == {
        "C-way multi-class": "multi_class",
        "C-way multi-class + ODIN": "odin",
        "C-way multi-class + MC dropout": "mc_dropout",
        "confidence head": "confidence",
        "single outlier head": "outlier_head",
        "two heads, no pasting": "two_heads",
        "two heads": "two_heads",
        "C-way outlier exposure": "outlier_exposure",
        "C+1-way": "c_plus_one",
        "C-way multi-label": "multi_label",
    }
    assert run_settings(read_profile("vistas"), "mc_dropout", 1).recognition.passes == 50


@pytest.mark.parametrize("profile_name", PROFILE_NAMES)
def test_every_run_gives_settings(profile_name):
    profile = read_profile(profile_name)
    runs = yaml.safe_load(config_file("reproduce", "runs.yaml").read_text())
    assert len(runs) == 12
    for run, changes in runs.items():
        settings = run_settings(profile, run, seed=3)
        assert (settings.name, settings.seed) == (run, 3)
        assert settings.recognition.passes == profile.passes
        wanted = changes.get("recognition", {"name": "two_heads"})["name"]
        assert settings.recognition.name == wanted


def test_rows_of_table_3_differ_by_jitter_and_paste_size_alone():
    profile = read_profile("camvid")
    plain, js, rsp = (
        run_settings(profile, run, 1) for run in ("two_heads", "two_heads_js", "two_heads_js_rsp")
    )
    assert (plain.jitter.base_probability, js.jitter.base_probability) == (1.0, 0.3)
    assert (plain.negatives.share.distribution, plain.negatives.share.maximum) == ("fixed", 0.05)
    assert js.negatives == plain.negatives
    share = rsp.negatives.share
    assert (share.distribution, share.minimum, share.maximum) == ("uniform", 0.001, 0.1)
    assert rsp.jitter == js.jitter


def test_the_papers_profile_is_the_papers_training():
    settings = run_settings(read_profile("vistas"), "two_heads_js_rsp", 1)
    defaults = TrainingSettings("defaults")
    assert settings.jitter == defaults.jitter
    assert settings.negatives == defaults.negatives
    assert settings.optimiser == defaults.optimiser
    assert settings.steps * settings.batch_size == pytest.approx(5 * 544546, abs=8)


def test_the_profile_follows_from_the_data(tmp_path):
    with pytest.raises(OpenSetError, match=r"vistas lacks vistas, imagenet.*camvid lacks camvid"):
        choose_profile(tmp_path)
    for folder in read_profile("camvid").needs:
        (tmp_path / folder).mkdir()
    assert choose_profile(tmp_path).name == "camvid"
    with pytest.raises(OpenSetError) as caught:
        choose_profile(tmp_path, "vistas")
    assert str(caught.value) == (
        f"{tmp_path} has not the data of a profile: vistas lacks vistas, imagenet, wilddash1, "
        "pascal_voc, lsun; put these folders there or give another --data"
    )
    for folder in read_profile("vistas").needs:
        (tmp_path / folder).mkdir()
    assert choose_profile(tmp_path).name == "vistas"


def test_unknown_names_are_refused():
    with pytest.raises(OpenSetError, match=r"no run 'magic' in runs\.yaml"):
        run_settings(read_profile("camvid"), "magic", 1)
    with pytest.raises(OpenSetError, match="no recognition module 'guess'"):
        Row("x", "two_heads", "op", recognition="guess")


def test_a_profile_can_be_asked_for_although_another_comes_first(tmp_path):
    for name in PROFILE_NAMES:
        for folder in read_profile(name).needs:
            (tmp_path / folder).mkdir()
    assert choose_profile(tmp_path).name == "vistas"
    assert choose_profile(tmp_path, "camvid").name == "camvid"


def test_the_folders_a_table_is_measured_on_are_looked_for(tmp_path):
    """Table 1 needs neither Fishyscapes nor RoadAnomaly, Table 3 both."""
    profile = read_profile("vistas")
    for folder in profile.needs:
        (tmp_path / folder).mkdir()
    check_tests(read_table("table1"), profile, tmp_path)
    for missing in ("fishyscapes_lost_and_found", "road_anomaly"):
        with pytest.raises(OpenSetError, match=f"no folder {tmp_path}/{missing}, which 'Table 3"):
            check_tests(read_table("table3"), profile, tmp_path)
        (tmp_path / missing).mkdir()
    check_tests(read_table("table3"), profile, tmp_path)


def test_a_table_of_tests_the_profile_has_not_is_refused(tmp_path):
    columns = (Column("ap", "AP", "snow", "average_precision"),)
    table = Table("Winter", (Row("x", "two_heads", "op"),), columns)
    with pytest.raises(
        OpenSetError, match="no test set 'snow', which 'Winter' needs: it has whole"
    ):
        check_tests(table, read_profile("camvid"), tmp_path)


def test_scores_that_are_not_measured_are_refused():
    with pytest.raises(OpenSetError, match="row 'x': score energy is not measured: choose one of"):
        Row("x", "two_heads", "energy")
    with pytest.raises(OpenSetError, match="unknown fusion 'luck'"):
        Row("x", "two_heads", "luck")


def test_area_edges_need_a_test_set():
    for partial in ({"area_edges": (0.1, 0.2)}, {"area_test": "small"}):
        with pytest.raises(OpenSetError, match="area_edges and area_test go together"):
            Table("x", (), **partial)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"dataset": "mars"}, "no test set 'mars': choose one of camvid"),
        ({"dataset": "camvid_horses", "every": 0}, "every and assays of at least 1"),
        ({"dataset": "camvid_horses", "assays": 0}, "every and assays of at least 1"),
        ({"dataset": "camvid", "resolution": -1}, "resolution of at least 0"),
        ({"dataset": "camvid", "assays": 2}, "camvid is not drawn at random: leave assays 2 out"),
    ],
)
def test_test_sets_that_cannot_be_measured_are_refused(values, reason):
    with pytest.raises(OpenSetError, match=reason):
        MeasuredSet(**values)
