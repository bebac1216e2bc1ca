"""The shipped tables and profiles, and how a profile is chosen."""

from __future__ import annotations

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.inference.predictor import choose_recognition
from ldn_openset_ros.reproduction.plan import (
    PROFILE_NAMES,
    TABLE_NAMES,
    Row,
    choose_profile,
    read_profile,
    read_table,
    run_settings,
)
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
        description = choose_recognition(describe(settings, taxonomy), row.recognition)
        assert row.score in description.usable_scores()
        assert set(row.paper) <= {column.key for column in table.columns}
    assert set(table.tests()) <= set(profile.tests)


def test_the_papers_numbers_stand_beside_their_rows():
    rows = {row.title: row.paper for row in read_table("table1").rows}
    assert rows["C-way multi-class"] == {"whole_ap": 55.6, "pasted_ap": 5.0, "miou": 50.6}
    assert rows["two heads"] == {"whole_ap": 99.3, "pasted_ap": 34.9, "miou": 47.9}
    assert rows["C-way multi-label"] == {"whole_ap": 98.8, "pasted_ap": 49.1, "miou": 43.4}
    assert len(rows) == 10
    last = read_table("table3").rows[-1]
    assert (last.score, last.paper) == ("op_x_msm", {"ap": 45.7, "auroc": 95.6, "fpr95": 24.0})


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
    with pytest.raises(OpenSetError, match="vistas lacks vistas"):
        choose_profile(tmp_path, "vistas")
    for folder in read_profile("vistas").needs:
        (tmp_path / folder).mkdir()
    assert choose_profile(tmp_path).name == "vistas"


def test_unknown_names_are_refused():
    with pytest.raises(OpenSetError, match=r"no run 'magic' in runs\.yaml"):
        run_settings(read_profile("camvid"), "magic", 1)
    with pytest.raises(OpenSetError, match="no recognition module 'guess'"):
        Row("x", "two_heads", "op", recognition="guess")
