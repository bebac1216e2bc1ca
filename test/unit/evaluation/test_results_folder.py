from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.frame_record import FrameTimes
from ldn_openset_ros.evaluation.results_folder import (
    FAULTS_FILE,
    FRAMES_FILE,
    STATE_FILE,
    SUMMARY_FILE,
    TIMES_FILE,
    ResultsFolder,
    State,
    configuration_hash,
    read_lines,
    read_state,
)

CONFIGURATION = {"model": "m", "scores": ["op"]}


@dataclass(frozen=True)
class Number:
    value: int


def lines(folder, name=FRAMES_FILE) -> list[int]:
    return [json.loads(line)["value"] for line in (folder / name).read_text().splitlines()]


def test_lines_are_on_the_disk_as_soon_as_they_are_appended(tmp_path):
    with ResultsFolder(tmp_path, CONFIGURATION) as results:
        results.append(FRAMES_FILE, Number(1))
        results.append(FAULTS_FILE, Number(7))
        assert lines(tmp_path) == [1]
        assert lines(tmp_path, FAULTS_FILE) == [7]


def test_a_crash_is_resumed_from_the_last_state(tmp_path):
    with ResultsFolder(tmp_path, CONFIGURATION) as results:
        results.append(FRAMES_FILE, Number(1))
        results.save_state(State({"a/b": np.arange(3)}, {"position": 1}))
        results.append(FRAMES_FILE, Number(2))
    with (tmp_path / FRAMES_FILE).open("ab") as file:
        file.write(b'{"val')  # cut while it was written
    with ResultsFolder(tmp_path, CONFIGURATION, resume=True) as results:
        assert results.state.values["position"] == 1
        assert results.state.arrays["a/b"].tolist() == [0, 1, 2]
        results.append(FRAMES_FILE, Number(22))
        results.save_state(State({}, {"position": 2}))
    assert lines(tmp_path) == [1, 22]
    assert read_state(tmp_path).values["position"] == 2


def test_a_second_state_right_after_resuming_keeps_all_lines(tmp_path):
    with ResultsFolder(tmp_path, CONFIGURATION) as results:
        results.append(FRAMES_FILE, Number(1))
        results.save_state(State({}, {"position": 1}))
    for _ in range(2):
        with ResultsFolder(tmp_path, CONFIGURATION, resume=True) as results:
            results.save_state(State({}, {"position": 1}))
    assert lines(tmp_path) == [1]


def test_without_a_state_it_starts_from_nothing(tmp_path):
    with ResultsFolder(tmp_path, CONFIGURATION) as results:
        results.append(FRAMES_FILE, Number(1))
    with ResultsFolder(tmp_path, CONFIGURATION, resume=True) as results:
        assert results.state is None
    assert lines(tmp_path) == []


def test_results_are_never_overwritten_nor_mixed(tmp_path):
    with ResultsFolder(tmp_path, CONFIGURATION):
        pass
    with pytest.raises(OpenSetError, match="holds results already"):
        ResultsFolder(tmp_path, CONFIGURATION)
    with pytest.raises(OpenSetError, match=r"other settings \(model\)"):
        ResultsFolder(tmp_path, {**CONFIGURATION, "model": "n"}, resume=True)


def test_finishing_removes_pictures_that_nothing_refers_to(tmp_path):
    with ResultsFolder(tmp_path, CONFIGURATION) as results:
        for index in (1, 2):
            (tmp_path / results.picture_path(index)).write_bytes(b"x")
        assert not results.is_finished
        results.finish("{}", "{}", {results.picture_path(2)})
        assert results.is_finished
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["000002.jpg"]
    assert (tmp_path / SUMMARY_FILE).read_text() == "{}"


def test_a_damaged_state_is_one_clear_error(tmp_path):
    with ResultsFolder(tmp_path, CONFIGURATION) as results:
        results.save_state(State({"a": np.zeros(100)}, {"position": 1}))
    whole = (tmp_path / STATE_FILE).read_bytes()
    (tmp_path / STATE_FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OpenSetError, match=f"{STATE_FILE} is damaged"):
        ResultsFolder(tmp_path, CONFIGURATION, resume=True)
    (tmp_path / STATE_FILE).unlink()
    with pytest.raises(OpenSetError, match="evaluate again"):
        read_state(tmp_path)


def test_a_disk_that_refuses_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OpenSetError, match=r"cannot write to .*file"):
        ResultsFolder(tmp_path / "file" / "results", CONFIGURATION)


def test_lines_come_back_as_they_were(tmp_path):
    times = FrameTimes("1.5", "bag", {"read": 0.25})
    with ResultsFolder(tmp_path, CONFIGURATION) as results:
        results.append(TIMES_FILE, times)
    assert list(read_lines(tmp_path / TIMES_FILE, FrameTimes)) == [times]
    (tmp_path / TIMES_FILE).write_text('{"frame": 3}\n')
    with pytest.raises(OpenSetError, match="line 1"):
        list(read_lines(tmp_path / TIMES_FILE, FrameTimes))


def test_the_hash_is_that_of_the_content():
    assert configuration_hash({"a": 1, "b": 2}) == configuration_hash({"b": 2, "a": 1})
    assert configuration_hash({"a": 1}) != configuration_hash({"a": 2})
    assert len(configuration_hash({})) == 64


def test_lines_that_were_lost_are_not_made_up(tmp_path):
    with ResultsFolder(tmp_path, CONFIGURATION) as results:
        results.append(FRAMES_FILE, Number(1))
        results.save_state(State({}, {}))
    (tmp_path / FRAMES_FILE).unlink()
    with pytest.raises(OpenSetError, match=r"frames\.jsonl has lost lines, it is 0 bytes"):
        ResultsFolder(tmp_path, CONFIGURATION, resume=True)


def test_a_summary_alone_is_not_taken_for_that_of_this_evaluation(tmp_path):
    (tmp_path / SUMMARY_FILE).write_text("{}")
    with pytest.raises(OpenSetError, match="holds results already"):
        ResultsFolder(tmp_path, CONFIGURATION)
    with pytest.raises(OpenSetError, match=r"cannot read .*configuration\.json"):
        ResultsFolder(tmp_path, CONFIGURATION, resume=True)


def test_a_file_of_lines_that_is_no_text_is_named(tmp_path):
    (tmp_path / TIMES_FILE).write_bytes(b"\xff\xfe\n")
    with pytest.raises(OpenSetError, match=r"timing\.jsonl, line 1 is no valid JSON"):
        list(read_lines(tmp_path / TIMES_FILE, FrameTimes))
