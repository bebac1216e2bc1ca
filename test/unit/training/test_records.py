from __future__ import annotations

import errno
import os

import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.evaluate import Evaluation
from ldn_openset_ros.metrics.ranking import RankingMeasures
from ldn_openset_ros.training.records import append_csv, truncate_csv, validation_row


@pytest.fixture
def path(tmp_path):
    """Steps 1 to 4."""
    path = tmp_path / "losses.csv"
    for step in range(1, 5):
        append_csv(path, {"step": step, "total": step / 4})
    return path


def test_a_new_file_starts_with_the_header_and_grows_row_by_row(path):
    assert path.read_bytes() == b"step,total\r\n1,0.25\r\n2,0.5\r\n3,0.75\r\n4,1.0\r\n"


def test_steps_that_are_taken_again_are_dropped(path, tmp_path):
    truncate_csv(path, 2)
    assert path.read_text() == "step,total\n1,0.25\n2,0.5\n"
    append_csv(path, {"step": 3, "total": 9})
    assert path.read_text().splitlines()[-1] == "3,9"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_without_rows_left_is_begun_anew(path):
    truncate_csv(path, 0)
    assert not path.exists()
    append_csv(path, {"step": 1, "mIoU": 50})
    assert path.read_text() == "step,mIoU\n1,50\n"


def test_a_file_that_is_short_enough_keeps_its_rows(path):
    before = path.read_bytes()
    truncate_csv(path, 4)
    assert path.read_bytes() == before
    truncate_csv(path.with_name("none.csv"), 4)
    assert not path.with_name("none.csv").exists()


@pytest.mark.parametrize("cut", [b"5", b"1", b""])
def test_a_row_that_was_cut_while_it_was_written_is_dropped(path, cut):
    before = path.read_bytes()
    path.write_bytes(before + cut)
    truncate_csv(path, 4)
    assert path.read_bytes() == before


def test_an_interruption_while_rewriting_loses_nothing(path, monkeypatch):
    before = path.read_bytes()

    def power_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", power_off)
    with pytest.raises(KeyboardInterrupt):
        truncate_csv(path, 2)
    assert path.read_bytes() == before
    monkeypatch.undo()
    # What the interruption left behind is no part of the next try.
    truncate_csv(path, 3)
    assert path.read_text() == "step,total\n1,0.25\n2,0.5\n3,0.75\n"


def test_columns_stay_where_they_are_when_a_row_has_others(tmp_path):
    """As after `fusion` was changed on resuming: another score is validated from then on."""
    path = tmp_path / "validation.csv"
    append_csv(path, {"step": 1, "op_AP": 10, "energy_AP": 30})
    append_csv(path, {"step": 2, "op_AP": 11, "dense_hybrid_AP": 40})
    append_csv(path, {"step": 3, "energy_AP": 32, "step_seconds": 5, "op_AP": 12})
    assert path.read_text().splitlines() == [
        "step,op_AP,energy_AP,dense_hybrid_AP,step_seconds",
        "1,10,30,,",
        "2,11,,40,",
        "3,12,32,,5",
    ]
    truncate_csv(path, 2)
    assert path.read_text().splitlines()[1:] == ["1,10,30,,", "2,11,,40,"]


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"a,b\r\n1,2\r\n", b"step,total\r\nx,1\r\n"])
def test_a_damaged_file_is_named(path, damage):
    path.write_bytes(damage + b"\r\n")
    with pytest.raises(OpenSetError, match=r"losses\.csv is damaged .*: delete it"):
        truncate_csv(path, 3)


def test_a_disk_that_refuses_is_named_with_the_remedy_and_nothing_is_lost(path, monkeypatch):
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(
        OpenSetError, match=r"cannot write .*losses\.csv: No space left.*make room"
    ):
        append_csv(path, {"step": 5, "new": 1})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    path.unlink()
    path.mkdir()
    with pytest.raises(OpenSetError, match=r"cannot (write|read) .*losses\.csv"):
        append_csv(path, {"step": 5, "total": 1})


def test_validation_is_recorded_in_per_cent():
    ranking = {"op": RankingMeasures(0.12344, 0.5, 0.98765, 10, 90)}
    evaluation = Evaluation("m", "p", 1, 0.4567, {}, ranking, {"op": 0.5})
    row = validation_row(7, evaluation)
    assert row == {"step": 7, "mIoU": 45.67, "op_AP": 12.34, "op_FPR95": 98.77}
    without_classes = Evaluation("m", "p", 1, None, None, ranking, {"op": 0.5})
    assert list(validation_row(7, without_classes)) == ["step", "op_AP", "op_FPR95"]
