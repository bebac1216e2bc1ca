"""How long commands and the node take to start, beside plain Python and `import torch`."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ldn_openset_ros.errors import OpenSetError, one_line

PYTHON = ("-c", "pass")
HELP = ("-m", "ldn_openset_ros.cli.main", "--help")
TORCH = ("-c", "import torch")
NODE = ("-c", "import ldn_openset_ros.ros.node")

DEFAULT_RUNS = 5
TIMEOUT_S = 60.0
"""Of one process; what takes longer is an error."""


@dataclass(frozen=True)
class StartTime:
    """Seconds of a process from its start to its end: by the clock, and on the CPU."""

    cpu_s: float
    """User and system time of all its threads and children."""
    wall_s: float


@dataclass(frozen=True)
class StartFigures:
    """Medians over `runs` processes each; ratios are of CPU time, which other load changes less.

    python: does nothing. help: `ldn-openset --help`. torch: `import torch`. node: the import of
    the node's module, without the model.
    """

    runs: int
    python: StartTime
    help: StartTime
    torch: StartTime
    node: StartTime

    @property
    def help_over_python(self) -> float:
        """CPU time of `--help` over that of plain Python."""
        return round(self.help.cpu_s / self.python.cpu_s, 3)

    @property
    def help_over_torch(self) -> float:
        """CPU time of `--help` over that of `import torch`."""
        return round(self.help.cpu_s / self.torch.cpu_s, 3)

    @property
    def torch_over_python(self) -> float:
        """CPU time of `import torch` over that of plain Python."""
        return round(self.torch.cpu_s / self.python.cpu_s, 3)

    @property
    def node_over_torch(self) -> float:
        """CPU time of the import of the node's module over that of `import torch`."""
        return round(self.node.cpu_s / self.torch.cpu_s, 3)


def measure_start(runs: int = DEFAULT_RUNS) -> StartFigures:
    """Start every process `runs` times, in turns, so that other load meets all of them alike.

    No other child of this process may end meanwhile: its CPU time would count too. Raises
    OpenSetError where a process fails (the node's without ROS 2) or takes more than TIMEOUT_S.
    """
    kinds = (PYTHON, HELP, TORCH, NODE)
    rounds = [[time_process(arguments) for arguments in kinds] for _ in range(runs)]
    return StartFigures(runs, *(median_time(times) for times in zip(*rounds, strict=True)))


def time_process(arguments: Sequence[str], timeout: float = TIMEOUT_S) -> StartTime:
    """Run Python with the arguments and return what it took; its output is dropped.

    timeout: seconds. Raises OpenSetError where the process fails or takes longer.
    """
    command = f"`python {' '.join(arguments)}`"
    before, started = _cpu_seconds(), time.perf_counter()
    try:
        subprocess.run(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=timeout,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise OpenSetError(
            f"{command} takes more than {timeout:g} s: end what else runs on this machine"
        ) from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        reason = one_line(lines[-1]) if lines else f"exit code {error.returncode}"
        raise OpenSetError(f"{command} fails ({reason}): run it by itself to see why") from None
    wall = time.perf_counter() - started
    return StartTime(_cpu_seconds() - before, wall)


def median_time(times: Sequence[StartTime]) -> StartTime:
    """Return the medians of CPU and wall seconds, each by itself, to a tenth of a millisecond."""
    return StartTime(
        round(median(found.cpu_s for found in times), 4),
        round(median(found.wall_s for found in times), 4),
    )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
