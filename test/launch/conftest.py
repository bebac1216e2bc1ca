"""Run the launch files for real, from this checkout.

Launch finds executables through the ament index, so a temporary prefix is built that holds this
package as `colcon build` would install it. Where launch is not installed, its sources do: give
the folders of the packages launch, launch_testing (github:ros2/launch) and launch_ros
(github:ros2/launch_ros), and of their dependencies, in PYTHONPATH:

    PYTHONPATH=launch/launch:launch/launch_testing:launch_ros/launch_ros pytest test/launch
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import ldn_openset_ros
from ldn_openset_ros.resources import PACKAGE_NAME, share_directory
from ldn_openset_ros.ros.environment import CHOSEN_BY_USER

HERE = Path(__file__).parent
# Of what launched processes import; the package itself lest they take another that is installed.
SOURCES = (HERE, HERE.parent, Path(ldn_openset_ros.__file__).parents[1])
TIMEOUT = 240
EXECUTABLES = ("openset_node", "player", "sample_camera", "web_view")


@pytest.fixture(scope="session")
def prefix(tmp_path_factory) -> Path:
    """An ament prefix with this package: index entry, executables, share folder."""
    prefix = tmp_path_factory.mktemp("prefix")
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / PACKAGE_NAME).touch()
    (prefix / "share" / PACKAGE_NAME).symlink_to(share_directory())
    scripts = prefix / "lib" / PACKAGE_NAME
    scripts.mkdir(parents=True)
    installed = {e.name: e.value for e in entry_points(group="console_scripts")}
    for name in EXECUTABLES:
        module, function = installed[name].split(":")
        script = scripts / name
        script.write_text(
            f"#!{sys.executable}\nimport sys\n\nfrom {module} import {function}\n\n"
            f"sys.exit({function}())\n"
        )
        script.chmod(0o755)
    return prefix


@pytest.fixture
def rviz(environment, tmp_path) -> None:
    """An executable in RViz's place that prints the topics of its configuration and waits.

    RViz needs a display and is no package of pip.
    """
    index = tmp_path / "rviz" / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "rviz2").touch()
    script = tmp_path / "rviz" / "lib" / "rviz2" / "rviz2"
    script.parent.mkdir(parents=True)
    script.write_text(
        f"#!{sys.executable}\nimport re, signal, sys\n\n"
        "assert sys.argv[1] == '-d'\n"
        "shown = re.findall(r'Value: (/.*)', open(sys.argv[2]).read())\n"
        "print('shown:', *shown, file=sys.stderr)\n"
        "sys.exit(signal.sigwait([signal.SIGINT]) != signal.SIGINT)\n"
    )
    script.chmod(0o755)
    paths = (str(tmp_path / "rviz"), environment["AMENT_PREFIX_PATH"])
    environment["AMENT_PREFIX_PATH"] = os.pathsep.join(paths)


@pytest.fixture
def environment(prefix, tmp_path, monkeypatch) -> dict[str, str]:
    """The environment of launched processes, and of this one: a ROS domain of its own."""
    values = {
        "AMENT_PREFIX_PATH": os.pathsep.join(
            filter(None, (str(prefix), os.environ.get("AMENT_PREFIX_PATH")))
        ),
        "PYTHONPATH": os.pathsep.join(
            filter(None, (*map(str, SOURCES), os.environ.get("PYTHONPATH")))
        ),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(random.SystemRandom().randint(1, 100)),
        "ROS_LOG_DIR": str(tmp_path / "log"),
        "PYTHONUNBUFFERED": "1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    for name in CHOSEN_BY_USER:
        monkeypatch.delenv(name, raising=False)
    return dict(os.environ)


@pytest.fixture
def run(environment, tmp_path):
    """Return a function that runs a Python module or file; what is left at the end is killed."""
    processes = []

    def start(*command: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def launch(run):
    """Return a function that launches a file of this package, as `ros2 launch` does."""

    def start(name: str, **arguments: object) -> subprocess.Popen:
        path = str(share_directory() / "launch" / name)
        values = [f"{key}:={value}" for key, value in arguments.items()]
        return run(str(HERE / "launch_file.py"), path, *values)

    return start


@pytest.fixture
def launch_test(run):
    """Return a function that runs a launch_testing file here and asserts that it passes."""

    def check(name: str, **arguments: object) -> None:
        values = [f"{key}:={value}" for key, value in arguments.items()]
        process = run("-m", "launch_testing.launch_test", str(HERE / name), *values)
        output, _ = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0, output

    return check
