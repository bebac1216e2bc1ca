"""Run jobs one after the other, in processes of this machine, or on a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from ldn_openset_ros.errors import OpenSetError, flat

Job = TypeVar("Job")
Result = TypeVar("Result")

CONNECTION_TIMEOUT = 5.0
"""Seconds."""

LOCAL = "local"
"""The address of a Ray that is started for the purpose, on this machine alone."""


def run_jobs(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int = 1, ray: str | None = None
) -> list[Result]:
    """Return the results of `work` on every job, in the order of the jobs.

    work: a function of a module; job and result must be picklable. workers: processes of this
    machine; 1 works in this process. ray: address of a cluster ("auto",
    "host:port", a `ray://` address), or "local" for one of `workers` workers on this machine.
    Raises the first job's OpenSetError, after the others have come to their end.
    """
    if workers < 1:
        raise OpenSetError(f"--workers is {workers}: give 1 or more")
    if ray is not None:
        return _run_on_ray(work, jobs, workers, ray)
    if workers == 1:
        return [work(job) for job in jobs]
    workers = min(workers, len(jobs))
    # Spawned: a fork would inherit torch's threads and locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        try:
            futures = [pool.submit(_work_or_leave, work, job) for job in jobs]
            for _ in as_completed(futures):
                pass
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        try:
            return [future.result() for future in futures]
        except BrokenProcessPool:
            raise OpenSetError(
                "a worker was killed, for want of memory perhaps: use fewer --workers and go on "
                "with --resume"
            ) from None


def _work_or_leave(work: Callable[[Job], Result], job: Job) -> Result:
    """Return the result; end the process where the terminal interrupts it.

    A worker of a pool that only failed would go on with the next job.
    """
    try:
        return work(job)
    except KeyboardInterrupt:
        os._exit(1)


def _run_on_ray(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int, address: str
) -> list[Result]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise OpenSetError(
            "--ray needs Ray: run `pip install 'ldn_openset_ros[ray]'`, or use --workers"
        ) from None
    local = {"num_cpus": workers, "include_dashboard": False}
    _check_answers(address)
    try:
        ray.init(address=address, log_to_driver=False, **(local if address == LOCAL else {}))
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = flat(error)[:200]
        raise OpenSetError(f"no Ray cluster at {address}: {reason}") from None
    try:
        remote = ray.remote(num_cpus=1)(work)
        references = [remote.remote(job) for job in jobs]
        ray.wait(references, num_returns=len(references))
        return ray.get(references)
    except ray.exceptions.RayTaskError as error:
        # Ray wraps what a task raises; the user needs the one line.
        cause = error.cause
        raise cause if isinstance(cause, OpenSetError) else error from None
    except ray.exceptions.RayError as error:
        reason = flat(error)[:200]
        raise OpenSetError(f"the Ray cluster lost a job ({reason}): go on with --resume") from None
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Raise OpenSetError where nobody listens at `host:port`: Ray would wait for minutes."""
    host, separator, port = address.rpartition("://")[2].rpartition(":")
    if not separator or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), CONNECTION_TIMEOUT).close()
    except (OSError, OverflowError) as error:
        raise OpenSetError(
            f"no Ray cluster at {address}: {error}; start one with `ray start --head`"
        ) from None
