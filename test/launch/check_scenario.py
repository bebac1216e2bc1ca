"""launch_testing: a scenario by its launch file; run by test_launch_files.py."""

from __future__ import annotations

import unittest
from pathlib import Path

import launch_testing
import launch_testing.actions
import launch_testing.asserts
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetLaunchConfiguration,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from scenario_checks import check_scenario
from scenarios import SCENARIOS

from ldn_openset_ros.resources import share_directory

ARGUMENTS = ("scenario", "model", "folder")


def launch_scenario(context: LaunchContext) -> list[IncludeLaunchDescription]:
    name, model, folder = (LaunchConfiguration(name).perform(context) for name in ARGUMENTS)
    scenario = SCENARIOS[name]
    path = share_directory() / "launch" / scenario.launch_file
    arguments = scenario.launch_arguments(Path(model), Path(folder))
    source = PythonLaunchDescriptionSource(str(path))
    return [IncludeLaunchDescription(source, launch_arguments=arguments.items())]


def generate_test_description():
    return LaunchDescription(
        [
            *(DeclareLaunchArgument(name) for name in ARGUMENTS),
            # Seconds that a process has to end after SIGINT: five are few on a busy machine.
            SetLaunchConfiguration("sigterm_timeout", "60"),
            OpaqueFunction(function=launch_scenario),
            launch_testing.actions.ReadyToTest(),
        ]
    )


class TestScenario(unittest.TestCase):
    def test_what_others_on_the_network_see(self, test_args, proc_output):
        scenario = SCENARIOS[test_args["scenario"]]
        check_scenario(scenario, Path(test_args["model"]))
        images = ", ".join(camera.image for camera in scenario.cameras)
        proc_output.assertWaitFor(f"images from {images}", timeout=60)


@launch_testing.post_shutdown_test()
class TestEnd(unittest.TestCase):
    def test_exit_codes(self, proc_info):
        assert len(list(proc_info)) == 1
        launch_testing.asserts.assertExitCodes(proc_info)

    def test_no_trace(self, proc_output):
        text = b"".join(output.text for output in proc_output).decode()
        assert "Traceback" not in text
