"""A table trained and measured for real, on a few small pictures."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from ldn_openset_ros import Predictor
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.reproduction import plan
from ldn_openset_ros.reproduction.plan import (
    Column,
    MeasuredSet,
    Profile,
    Row,
    Table,
    run_settings,
)
from ldn_openset_ros.reproduction.runner import Runner
from ldn_openset_ros.reproduction.tables import to_dict, to_markdown
from ldn_openset_ros.training.loop import is_finished

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
EXPERIMENT = {
    "name": "small",
    "network": {
        "backbone": "efficientnet_lite0",
        "num_classes": 11,
        "pyramid_width": 16,
        "pyramid_level_width": 8,
        "ladder_widths": [16, 16, 16],
    },
    "data": {
        "roads": [{"dataset": "camvid", "folder": "camvid", "split": "train"}],
        "validation": {"dataset": "camvid", "folder": "camvid", "split": "val"},
        "negatives": {"kind": "pictures", "folder": "imagenet_samples/train"},
    },
    "jitter": {"base": 48, "minimum": 40, "maximum": 64},
    "crop": [32, 64],
    "batch_size": 2,
    "steps": 1,
    "workers": 0,
}


@pytest.fixture
def config(tmp_path, monkeypatch) -> Path:
    """The folder that stands for `config/`, with an experiment of one step."""
    folder = tmp_path / "config" / "reproduce"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    runs = {"two_heads": {}, "multi_class": {"recognition": {"name": "multi_class"}}}
    (folder / "runs.yaml").write_text(yaml.safe_dump(runs))
    monkeypatch.setattr(plan, "config_file", (tmp_path / "config").joinpath)
    return folder


@pytest.fixture
def data(small_data, tmp_path) -> Path:
    """The small data root with one horse."""
    root = tmp_path / "data"
    shutil.copytree(small_data, root)
    for folder, picture in (
        ("images", np.full((20, 20, 3), 200, np.uint8)),
        ("masks", np.pad(np.full((10, 10), 255, np.uint8), 5)),
    ):
        (root / "horses" / folder).mkdir(parents=True)
        cv2.imwrite(str(root / "horses" / folder / "h.png"), picture)
    return root


def snapshot(folder: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_what_is_done_is_not_done_again(config, data, tmp_path):
    output = tmp_path / "runs"
    runner = Runner(PROFILE, data, output, "cpu")
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

    path.write_text("{")
    with pytest.raises(OpenSetError, match=rf"{path.name} is damaged.*delete it"):
        runner.measure(TABLE, [1])

    plain, odin = (
        measurements["multi_class", kind, "pasted"][0]["ranking"]["msm"] for kind in (None, "odin")
    )
    assert plain["positives"] == odin["positives"] > 0
    assert plain["auroc"] != odin["auroc"]
    assert measurements["multi_class", None, "road"][0]["frames"] == 1


def test_another_request_is_measured_anew(config, data, tmp_path):
    table = Table("One", TABLE.rows[:1], TABLE.columns[:1])
    output = tmp_path / "runs"
    first = Runner(PROFILE, data, output, "cpu").measure(table, [1])
    tests = {"pasted": MeasuredSet("camvid_horses", split="val", every=2)}
    fewer = Profile("small", ("camvid",), "experiment.yaml", (1,), tests, passes=2)
    second = Runner(fewer, data, output, "cpu").measure(table, [1])
    key = ("two_heads", None, "pasted")
    assert (first[key][0]["frames"], second[key][0]["frames"]) == (2, 1)


def test_a_seed_the_profile_has_not_is_refused(config, data, tmp_path):
    with pytest.raises(OpenSetError, match="no seed 9: choose 1, 2"):
        Runner(PROFILE, data, tmp_path, "cpu").measure(TABLE, [9])


def test_rows_start_from_what_is_trained_first(config, data, tmp_path):
    start = {**EXPERIMENT, "name": "first", "recognition": {"name": "multi_class"}}
    (config / "start.yaml").write_text(yaml.safe_dump(start))
    profile = replace(PROFILE, start="start.yaml")
    table = Table("One", TABLE.rows[:1], TABLE.columns[:1])
    output = tmp_path / "runs"
    runner = Runner(profile, data, output, "cpu")
    runner.measure(table, [1])
    assert Predictor.load(output / "start" / "model", device="cpu").recognition == "multi_class"
    before = snapshot(output)
    runner.measure(table, [1])
    assert snapshot(output) == before
    settings = run_settings(profile, "two_heads", 1, str(output / "start" / "model"))
    assert is_finished(settings, output / "two_heads" / "seed1")


def known_measurements(by_area: bool = False) -> dict:
    def entry(ap: float, miou: float | None) -> dict:
        ranking = {"average_precision": ap, "auroc": 0.9, "fpr95": 0.2}
        return {
            "protocol": "as it was",
            "mean_iou": miou,
            "ranking": {"op": ranking, "msm": ranking},
            "by_area": {"op": [{"measures": ranking}]} if by_area else {},
        }

    values = {}
    for run, recognition, ap, miou in (
        ("two_heads", None, 0.4, None),
        ("multi_class", None, 0.1, 0.5),
        ("multi_class", "odin", 0.2, 0.5),
    ):
        pair = [entry(ap, miou), entry(ap + 0.1, miou)]
        values |= {(run, recognition, test): pair for test in ("pasted", "road")}
    return values


def test_markdown_has_the_papers_figures_beside_ours():
    text = to_markdown(TABLE, PROFILE, [1, 2], known_measurements())
    assert "| two heads | op | 45.0 ± 7.1 (34.9) | - |" in text.splitlines()
    assert "| C-way + ODIN | msm | 25.0 ± 7.1 | 50.0 ± 0.0 |" in text.splitlines()
    assert "- pasted: as it was" in text.splitlines()
    assert "Profile `small`, seeds 1, 2" in text


def test_json_has_every_value():
    values = json.loads(json.dumps(to_dict("t", TABLE, PROFILE, [1, 2], known_measurements())))
    first = values["rows"][0]["figures"]
    assert first["ap"]["values"] == [40.0, 50.0]
    assert first["ap"]["paper"] == 34.9
    assert first["miou"]["mean"] is None
    assert values["protocol"] == {"pasted": "as it was", "road": "as it was"}


def test_a_figure_by_size_has_a_column_for_each_bin():
    table = Table("By size", TABLE.rows[:1], area_edges=(0.001, 0.1), area_test="pasted")
    text = to_markdown(table, PROFILE, [1, 2], known_measurements(by_area=True))
    assert "| row, AP / FPR95 | 0.1 to 10 % |" in text.splitlines()
    assert "| two heads | 45.0 ± 7.1 / 20.0 ± 0.0 |" in text.splitlines()
