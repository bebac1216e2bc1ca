from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ldn_openset_ros
from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.evaluation.bag_frames import stamp_text
from ldn_openset_ros.evaluation.workers import run_jobs
from ldn_openset_ros.score_names import check_threshold


def square(number: int) -> int:
    return number * number


def fail_on_three(number: int) -> int:
    if number == 3:
        raise OpenSetError("three is no job")
    return number


def process(_: int) -> int:
    return os.getpid()


def die(_: int) -> None:
    os._exit(9)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_jobs(workers):
    assert run_jobs(square, [3, 1, 2], workers) == [9, 1, 4]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_error_is_that_of_a_job(workers):
    with pytest.raises(OpenSetError, match="three is no job"):
        run_jobs(fail_on_three, [1, 3, 2], workers)


def test_workers_are_processes_of_their_own():
    assert os.getpid() not in run_jobs(process, range(3), workers=2)


def test_one_worker_is_this_process():
    assert run_jobs(process, [0]) == [os.getpid()]


def test_a_killed_worker_is_told_with_a_remedy():
    with pytest.raises(OpenSetError, match=r"a worker was killed.*--resume"):
        run_jobs(die, [1, 2], workers=2)


INTERRUPTED = """
import sys, time
from pathlib import Path
from ldn_openset_ros.evaluation.workers import run_jobs

def work(number):
    Path(sys.argv[1], str(number)).touch()
    time.sleep(60)

if __name__ == "__main__":
    run_jobs(work, range(6), workers=2)
"""


def test_an_interruption_from_the_terminal_ends_all_workers_at_once(tmp_path):
    script, started = tmp_path / "interrupted.py", tmp_path / "started"
    script.write_text(INTERRUPTED)
    started.mkdir()
    package = str(Path(ldn_openset_ros.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, script, started],
        env={**os.environ, "PYTHONPATH": package},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while len(list(started.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.wait(timeout=20) != 0
        assert len(list(started.iterdir())) == 2
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_no_workers_are_refused():
    with pytest.raises(OpenSetError, match="--workers is 0"):
        run_jobs(square, [1], workers=0)


def test_ray_returns_results_and_errors_like_the_others():
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'ldn_openset_ros[ray]'")
    # Functions of the package: Ray's workers do not find those of a test.
    assert run_jobs(stamp_text, [2, 1], workers=2, ray="local") == ["0.000000002", "0.000000001"]
    with pytest.raises(OpenSetError, match="threshold is 3"):
        run_jobs(check_threshold, [1, 3], workers=2, ray="local")


def test_a_cluster_that_is_not_there_is_one_clear_error():
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'ldn_openset_ros[ray]'")
    with pytest.raises(OpenSetError, match=r"no Ray cluster at 127\.0\.0\.1:1: "):
        run_jobs(square, [1], ray="127.0.0.1:1")
