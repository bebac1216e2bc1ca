"""Which pixel belongs to which tracked region. No ROS here."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ldn_openset_ros.ros.region_tracker import TrackedRegion
from ldn_openset_ros.ros.regions import CONNECTIVITY


def region_map(outlying: np.ndarray, tracked: Sequence[TrackedRegion]) -> np.ndarray:
    """Return the track's id at every pixel of a region that this frame shows, int32 (H, W).

    outlying: bool (H, W), the mask in which the regions were found. 0 elsewhere, and in regions
    that are too small or not believed yet.
    """
    count, components, statistics, _ = cv2.connectedComponentsWithStats(
        outlying.astype(np.uint8), connectivity=CONNECTIVITY
    )
    ids = np.zeros(count, np.int32)
    places = {tuple(row): index for index, row in enumerate(statistics.tolist()) if index}
    for seen in tracked:
        if not seen.misses:
            region = seen.region
            box = (region.left, region.top, region.width, region.height, region.pixels)
            ids[places[box]] = seen.id
    return ids[components]
