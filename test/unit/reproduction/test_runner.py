"""A table trained and measured for real, on a few small pictures."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ldn_openset_ros import Predictor
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.reproduction import runner as runner_module
from ldn_openset_ros.reproduction.plan import (
    Column,
    MeasuredSet,
    Profile,
    Row,
    Table,
    run_settings,
)
from ldn_openset_ros.reproduction.runner import Runner, open_frames, read_measurement
from ldn_openset_ros.training.loop import Trainer, is_finished

PROFILE = Profile(
    name="small",
    needs=("camvid",),
    experiment="experiment.yaml",
    seeds=(1, 2),
    tests={
        "pasted": MeasuredSet("camvid_horses", split="val"),
        "road": MeasuredSet("camvid", "camvid", "val", every=2),
    },
    passes=2,
)
TABLE = Table(
    title="Small",
    columns=(
        Column("ap", "AP", "pasted", "average_precision"),
        Column("miou", "mIoU", "road", "mean_iou"),
    ),
    rows=(
        Row("two heads", "two_heads", "op", paper={"ap": 34.9}),
        Row("C-way", "multi_class", "msm"),
        Row("C-way + ODIN", "multi_class", "msm", recognition="odin"),
    ),
)
ONE_ROW = Table("One", TABLE.rows[:1], TABLE.columns[:1])


class Cut(Exception):
    """Stands for the power going off."""


def snapshot(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_what_is_done_is_not_done_again(small_plan, small_data, tmp_path):
    output = tmp_path / "runs"
    runner = Runner(PROFILE, small_data, output, "cpu")
    measurements = runner.measure(TABLE, [1])
    assert set(measurements) == {
        ("two_heads", None, "pasted"),
        ("two_heads", None, "road"),
        ("multi_class", None, "pasted"),
        ("multi_class", None, "road"),
        ("multi_class", "odin", "pasted"),
        ("multi_class", "odin", "road"),
    }
    before = snapshot(output)
    assert runner.measure(TABLE, [1]) == measurements
    assert snapshot(output) == before

    # A measurement that is missing is made again, and equal; the training stays.
    path = output / "two_heads" / "seed1" / "measured" / "pasted_own_0.json"
    content = path.read_text()
    path.unlink()
    runner.measure(TABLE, [1])
    assert path.read_text() == content
    changed = {name for name, time in snapshot(output).items() if before[name] != time}
    assert changed == {str(path)}

    path.write_text(content[: len(content) // 2])
    with pytest.raises(OpenSetError, match=rf"{path} is damaged.*delete it"):
        runner.measure(TABLE, [1])

    plain, odin = (
        measurements["multi_class", kind, "pasted"][0]["ranking"]["msm"] for kind in (None, "odin")
    )
    assert plain["positives"] == odin["positives"] > 0
    assert plain["auroc"] != odin["auroc"]
    assert measurements["multi_class", None, "road"][0]["frames"] == 1


def test_another_request_is_measured_anew(small_plan, small_data, tmp_path):
    output = tmp_path / "runs"
    first = Runner(PROFILE, small_data, output, "cpu").measure(ONE_ROW, [1])
    before = snapshot(output)
    tests = {"pasted": MeasuredSet("camvid_horses", split="val", every=2)}
    fewer = Profile("small", ("camvid",), "experiment.yaml", (1,), tests, passes=2)
    second = Runner(fewer, small_data, output, "cpu").measure(ONE_ROW, [1])
    key = ("two_heads", None, "pasted")
    assert (first[key][0]["frames"], second[key][0]["frames"]) == (2, 1)
    path = output / "two_heads" / "seed1" / "measured" / "pasted_own_0.json"
    after = snapshot(output)
    assert {name for name in after if before.get(name) != after[name]} == {str(path)}
    assert json.loads(path.read_text()) == second[key][0]


def test_measurements_come_by_seed_and_then_by_assay(small_plan, small_data, tmp_path):
    tests = {"pasted": MeasuredSet("camvid_horses", split="val", assays=2)}
    profile = replace(PROFILE, tests=tests)
    found = Runner(profile, small_data, tmp_path / "runs", "cpu").measure(ONE_ROW, [2, 1])
    (entries,) = found.values()
    asked = [entry["request"] for entry in entries]
    assert [request["assay"] for request in asked] == [0, 1, 0, 1]
    first, other = (
        json.loads((tmp_path / "runs/two_heads" / name).read_text())["request"]["training"]
        for name in ("seed2/measured/pasted_own_0.json", "seed1/measured/pasted_own_0.json")
    )
    assert [request["training"] for request in asked] == [first, first, other, other]
    assert first != other


def test_a_run_of_another_experiment_is_not_taken_for_this_one(small_plan, small_data, tmp_path):
    runner = Runner(PROFILE, small_data, tmp_path / "runs", "cpu")
    runner.measure(ONE_ROW, [1])
    path = small_plan / "experiment.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"steps": 2}))
    with pytest.raises(OpenSetError, match=r"two_heads/seed1/.*other settings"):
        runner.measure(ONE_ROW, [1])


def test_what_was_cut_goes_on(small_plan, small_data, tmp_path, monkeypatch):
    path = small_plan / "experiment.yaml"
    longer = yaml.safe_load(path.read_text()) | {"steps": 2, "checkpoint_every": 1}
    path.write_text(yaml.safe_dump(longer))
    table = replace(TABLE, rows=TABLE.rows[:1])
    runner = Runner(PROFILE, small_data, tmp_path / "cut", "cpu")
    taken, whole_step, whole_evaluate = [], Trainer.step, runner_module.evaluate

    def cut_training(trainer, batch, step):
        taken.append(step)
        if taken == [1, 2]:
            raise Cut
        return whole_step(trainer, batch, step)

    def cut_second_measurement(*arguments):
        if (tmp_path / "cut/two_heads/seed1/measured/pasted_own_0.json").exists():
            raise Cut
        return whole_evaluate(*arguments)

    monkeypatch.setattr(Trainer, "step", cut_training)
    with pytest.raises(Cut):
        runner.measure(table, [1])
    monkeypatch.setattr(runner_module, "evaluate", cut_second_measurement)
    with pytest.raises(Cut):
        runner.measure(table, [1])
    assert taken == [1, 2, 2], "the first step is not taken again"
    before = snapshot(tmp_path / "cut")
    monkeypatch.setattr(runner_module, "evaluate", whole_evaluate)
    measurements = runner.measure(table, [1])
    after = snapshot(tmp_path / "cut")
    made = {Path(name).name for name in after if before.get(name) != after[name]}
    assert made == {"road_own_0.json"}
    assert taken == [1, 2, 2]
    uncut = Runner(PROFILE, small_data, tmp_path / "uncut", "cpu")
    assert uncut.measure(table, [1]) == measurements


@pytest.mark.parametrize("content", ["", '{"frames": 2', '{"frames": 2}', "[]", "7", "\0"])
def test_a_damaged_measurement_is_named(tmp_path, content):
    path = tmp_path / "pasted_own_0.json"
    path.write_text(content)
    with pytest.raises(OpenSetError) as caught:
        read_measurement(path)
    assert str(caught.value).startswith(f"{path} is damaged")
    assert "\n" not in str(caught.value)


def test_a_measurement_that_cannot_be_written_is_named(small_plan, small_data, tmp_path):
    output = tmp_path / "runs"
    (output / "two_heads/seed1/measured/pasted_own_0.new").mkdir(parents=True)
    with pytest.raises(OpenSetError, match=r"cannot write .*measured/pasted_own_0\.json: "):
        Runner(PROFILE, small_data, output, "cpu").measure(ONE_ROW, [1])


def test_a_missing_test_set_is_named_before_anything_is_trained(small_plan, small_data, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(small_data, data)
    tests = PROFILE.tests | {"road": MeasuredSet("camvid", "elsewhere", "val")}
    profile = replace(PROFILE, tests=tests)
    with pytest.raises(OpenSetError, match=r"no folder .*data/elsewhere, .*put camvid there"):
        Runner(profile, data, tmp_path / "runs", "cpu").measure(TABLE, [1])
    assert not (tmp_path / "runs").exists()
    # A table that does not need it is measured.
    assert Runner(profile, data, tmp_path / "runs", "cpu").measure(ONE_ROW, [1])


def test_outliers_are_measured_by_size_where_the_table_asks(small_plan, small_data, tmp_path):
    table = Table("By size", ONE_ROW.rows, area_edges=(0.0005, 0.05, 0.5), area_test="pasted")
    output = tmp_path / "runs"
    ((entry, *_),) = Runner(PROFILE, small_data, output, "cpu").measure(table, [1]).values()
    assert [size["objects"] for size in entry["by_area"]["op"]] == [1, 1]
    positives = [size["measures"]["positives"] for size in entry["by_area"]["op"]]
    assert sum(positives) == entry["ranking"]["op"]["positives"]
    assert (output / "two_heads/seed1/measured/pasted_own_0_by_area.json").exists()


def test_a_seed_the_profile_has_not_is_refused(small_plan, small_data, tmp_path):
    with pytest.raises(OpenSetError, match="no seed 9: choose 1, 2"):
        Runner(PROFILE, small_data, tmp_path, "cpu").measure(TABLE, [9])


def test_rows_start_from_what_is_trained_first(small_plan, small_data, tmp_path):
    experiment = yaml.safe_load((small_plan / "experiment.yaml").read_text())
    start = experiment | {"name": "first", "recognition": {"name": "multi_class"}}
    (small_plan / "start.yaml").write_text(yaml.safe_dump(start))
    profile = replace(PROFILE, start="start.yaml")
    output = tmp_path / "runs"
    runner = Runner(profile, small_data, output, "cpu")
    runner.measure(ONE_ROW, [1])
    assert Predictor.load(output / "start" / "model", device="cpu").recognition == "multi_class"
    before = snapshot(output)
    runner.measure(ONE_ROW, [1])
    assert snapshot(output) == before
    settings = run_settings(profile, "two_heads", 1, str(output / "start" / "model"))
    assert is_finished(settings, output / "two_heads" / "seed1")


def test_every_nth_frame_tells_the_classes_of_the_test_set(small_data):
    frames = open_frames(PROFILE.tests["road"], small_data, 0)
    assert (len(frames), frames.taxonomy.name) == (1, "camvid")
    pasted = open_frames(PROFILE.tests["pasted"], small_data, 0)
    assert pasted.taxonomy.names == frames.taxonomy.names
