"""What a report says, section by section; what a run lacks is said in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from ldn_openset_ros.report.curve_sections import area_section, curves_section, histogram_section
from ldn_openset_ros.report.input_sections import faults_section, frames_section
from ldn_openset_ros.report.latency_section import latency_section
from ldn_openset_ros.report.ranking_sections import decision_section, ranking_section
from ldn_openset_ros.report.results import Run
from ldn_openset_ros.report.section import Section
from ldn_openset_ros.report.segmentation_section import segmentation_section
from ldn_openset_ros.report.time_section import time_section


def all_sections(runs: Sequence[Run]) -> list[Section]:
    """Return the sections of a report on one run or several, in order."""
    return [
        ranking_section(runs),
        decision_section(runs),
        curves_section(runs),
        histogram_section(runs),
        area_section(runs),
        segmentation_section(runs),
        time_section(runs),
        latency_section(runs),
        frames_section(runs),
        faults_section(runs),
    ]
