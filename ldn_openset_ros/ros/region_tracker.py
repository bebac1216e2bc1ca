"""Outlier regions followed over the frames of a camera: stable ids, no flicker. No ROS here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ldn_openset_ros.errors import OpenSetError
from ldn_openset_ros.ros.continuity import Continuity
from ldn_openset_ros.ros.regions import Region


@dataclass(frozen=True)
class TrackedRegion:
    """A region that was seen often enough to be believed."""

    id: int
    """From 1 in the order of the first reports; never given twice."""
    region: Region
    """As it was last seen."""
    hits: int
    """Frames in which it was seen."""
    age: float
    """Seconds from its first frame to this one; 0 where frames have no stamps."""
    misses: int
    """Frames since it was last seen; 0 where this frame shows it."""


@dataclass(frozen=True)
class _Track:
    region: Region
    first_ns: int
    id: int | None = None
    """None until it is reported, so that noise uses up no ids."""
    hits: int = 1
    misses: int = 0


class RegionTracker:
    """Give the regions of consecutive frames that overlap the same id; one object a camera.

    Overlap is the intersection over union of boxes: it needs no masks of past frames, and a
    region whose mask frays or breaks a little keeps its box. Pairs are taken greedily, the
    largest overlap first: regions of a frame are apart from each other, so two seldom want the
    same one, and a sure pair is never given up for the sake of a larger sum.

    There is no model of motion: a region that moves by more than its own size between two frames
    is a new one.
    """

    def __init__(self, min_hits: int = 3, max_misses: int = 2, min_overlap: float = 0.2) -> None:
        """Set when regions are believed and given up.

        min_hits: consecutive frames that show a region before it is reported. max_misses: frames
        that a reported one may be missing for. min_overlap: least intersection over union, in
        (0, 1]. Raises OpenSetError for other values.
        """
        if min_hits < 1:
            raise OpenSetError(f"min_hits is {min_hits}: give 1 or more frames")
        if max_misses < 0:
            raise OpenSetError(f"max_misses is {max_misses}: give 0 or more frames")
        if not 0 < min_overlap <= 1:
            raise OpenSetError(f"min_overlap is {min_overlap}: give a value above 0, up to 1")
        self._min_hits = min_hits
        self._max_misses = max_misses
        self._min_overlap = min_overlap
        self._continuity = Continuity()
        self._tracks: list[_Track] = []
        self._last_id = 0

    @property
    def patience(self) -> float:
        """Seconds within which the next frame's regions can go on with the tracks."""
        return self._continuity.patience

    def update(
        self, regions: Sequence[Region], stamp_ns: int, size: tuple[int, int]
    ) -> list[TrackedRegion]:
        """Take in a frame's regions; return those that are believed, by id.

        stamp_ns: the frame's stamp in nanoseconds; size: its (height, width). Regions that this
        frame misses but that are not given up yet are among them, `misses` tells. After a jump
        in time or with another size, as `Continuity` has it, all tracks end; ids go on.
        """
        if not self._continuity.goes_on(stamp_ns, size):
            self._tracks = []
        pairs = match(
            _boxes([track.region for track in self._tracks]), _boxes(regions), self._min_overlap
        )
        followed = [
            self._see(track, regions[pairs[index]]) if index in pairs else self._miss(track)
            for index, track in enumerate(self._tracks)
        ]
        taken = set(pairs.values())
        new = [
            self._believe(_Track(region, stamp_ns))
            for index, region in enumerate(regions)
            if index not in taken
        ]
        self._tracks = [track for track in followed if track is not None] + new
        reported = [
            TrackedRegion(t.id, t.region, t.hits, (stamp_ns - t.first_ns) / 1e9, t.misses)
            for t in self._tracks
            if t.id is not None
        ]
        return sorted(reported, key=lambda tracked: tracked.id)

    def _see(self, track: _Track, region: Region) -> _Track:
        return self._believe(replace(track, region=region, hits=track.hits + 1, misses=0))

    def _believe(self, track: _Track) -> _Track:
        if track.id is not None or track.hits < self._min_hits:
            return track
        self._last_id += 1
        return replace(track, id=self._last_id)

    def _miss(self, track: _Track) -> _Track | None:
        if track.id is None or track.misses == self._max_misses:
            return None
        return replace(track, misses=track.misses + 1)


def match(old: np.ndarray, new: np.ndarray, min_overlap: float) -> dict[int, int]:
    """Pair boxes one to one, the largest overlap first; return new indices by old ones.

    old, new: int (N, 4) and (M, 4), each row top, left, bottom, right (the last two not within
    the box). Of equal overlaps the first old, then the first new box is taken.
    """
    overlap = intersection_over_union(old, new)
    rows, columns = np.nonzero(overlap >= min_overlap)
    order = np.argsort(-overlap[rows, columns], kind="stable")
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in pairs and column not in taken:
            pairs[row] = column
            taken.add(column)
    return pairs


def intersection_over_union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return float64 (N, M) overlaps in [0, 1] of int (N, 4) and (M, 4) boxes as `match` has."""
    start = np.maximum(first[:, None, :2], second[None, :, :2])
    end = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = (end - start).clip(min=0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return common / (areas[0][:, None] + areas[1][None, :] - common)


def _boxes(regions: Sequence[Region]) -> np.ndarray:
    corners = [(r.top, r.left, r.top + r.height, r.left + r.width) for r in regions]
    return np.array(corners, np.int64).reshape(-1, 4)
