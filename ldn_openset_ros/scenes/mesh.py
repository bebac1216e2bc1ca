"""Solid shapes as lists of coloured faces, and the shapes everything is assembled from.

An object's frame has x to the right, y up and z forward, in metres, its origin on the ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

MATT, SATIN, GLOSSY, GLASS = 0.0, 0.15, 0.4, 0.8
"""Gloss: share of a face's look that is mirrored sky and ground at grazing view."""


@dataclass(frozen=True)
class Mesh:
    """Four-cornered faces; a triangle repeats its last corner.

    corners: float32 (M, 4, 3); normals: float32 (M, 3), unit, outward; albedo: float32 (M, 3)
    RGB 0..255; gloss: float32 (M,); rank: float32 (M,), metres by which a face counts
    as nearer than it is (decals such as lamps lie on other faces).
    """

    corners: np.ndarray
    normals: np.ndarray
    albedo: np.ndarray
    gloss: np.ndarray
    rank: np.ndarray

    def moved(self, offset: Sequence[float]) -> Mesh:
        """Return the mesh shifted by (x, y, z) metres."""
        return replace(self, corners=self.corners + np.asarray(offset, np.float32))

    def turned(self, yaw: float) -> Mesh:
        """Return the mesh turned about the vertical by `yaw` radians: forward towards right."""
        return self._rotated(rotation_about_y(yaw))

    def pitched(self, angle: float) -> Mesh:
        """Return the mesh turned about the x axis by `angle` radians: up towards forward."""
        c, s = np.cos(angle), np.sin(angle)
        return self._rotated(np.array(((1, 0, 0), (0, c, -s), (0, s, c))))

    def rolled(self, angle: float) -> Mesh:
        """Return the mesh turned about the z axis by `angle` radians: right towards up."""
        c, s = np.cos(angle), np.sin(angle)
        return self._rotated(np.array(((c, -s, 0), (s, c, 0), (0, 0, 1))))

    def scaled(self, factor: float) -> Mesh:
        """Return the mesh enlarged about its origin."""
        return replace(self, corners=self.corners * np.float32(factor))

    def _rotated(self, matrix: np.ndarray) -> Mesh:
        turn = matrix.T.astype(np.float32)
        return replace(self, corners=self.corners @ turn, normals=self.normals @ turn)

    def coloured(self, albedo: np.ndarray) -> Mesh:
        """Return the mesh with the colours (M, 3) or (3,)."""
        shape = self.albedo.shape
        return replace(self, albedo=np.broadcast_to(albedo, shape).astype(np.float32))

    def ranked(self, rank: float) -> Mesh:
        """Return the mesh drawn as if it were `rank` metres nearer."""
        return replace(self, rank=np.full_like(self.rank, rank))

    def extent(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the greatest coordinates."""
        points = self.corners.reshape(-1, 3)
        return points.min(0), points.max(0)


def rotation_about_y(yaw: float) -> np.ndarray:
    """Return the matrix that turns forward (z) towards right (x)."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array(((c, 0, s), (0, 1, 0), (-s, 0, c)))


def from_faces(
    corners: np.ndarray, colour: Sequence[float], gloss: float = MATT, rank: float = 0.0
) -> Mesh:
    """Build a mesh from corners (M, 4, 3) of a shape that its own centre sees from inside."""
    corners = np.asarray(corners, np.float32)
    # The diagonals' product holds for triangles too, whose last two corners are the same.
    normals = _cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals /= np.maximum(np.sqrt(np.einsum("ij,ij->i", normals, normals)), 1e-9)[:, None]
    outward = corners.mean(1) - corners.reshape(-1, 3).mean(0)
    inward = (normals * outward).sum(1) < 0
    normals[inward] *= -1
    count = len(corners)
    return Mesh(
        corners,
        normals.astype(np.float32),
        np.broadcast_to(np.asarray(colour, np.float32), (count, 3)).copy(),
        np.full(count, gloss, np.float32),
        np.full(count, rank, np.float32),
    )


def panel(
    corners: Sequence[Sequence[float]],
    facing: Sequence[float],
    colour: Sequence[float],
    gloss: float = MATT,
    rank: float = 0.05,
) -> Mesh:
    """Build a single flat face whose normal points the way of `facing`."""
    mesh = from_faces(np.asarray([corners]), colour, gloss, rank)
    if float(mesh.normals[0] @ np.asarray(facing)) < 0:
        mesh = replace(mesh, normals=-mesh.normals)
    return mesh


def merge(parts: Sequence[Mesh]) -> Mesh:
    """Join meshes to one."""
    fields = ("corners", "normals", "albedo", "gloss", "rank")
    return Mesh(*(np.concatenate([getattr(p, field) for p in parts]) for field in fields))


def box(
    centre: Sequence[float],
    size: Sequence[float],
    colour: Sequence[float],
    gloss: float = MATT,
    taper: float = 1.0,
) -> Mesh:
    """Build a box; `taper` is the size of its top against its bottom."""
    half = np.asarray(size, float) / 2
    corner = np.array([(x, y, z) for y in (-1, 1) for z in (-1, 1) for x in (-1, 1)], float)
    corner[4:, (0, 2)] *= taper
    corner = corner * half + np.asarray(centre, float)
    faces = np.array(
        ((0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5))
    )
    return from_faces(corner[faces], colour, gloss)


def ellipsoid(
    centre: Sequence[float],
    radii: Sequence[float],
    colour: Sequence[float],
    sides: int = 12,
    gloss: float = MATT,
) -> Mesh:
    """Build an ellipsoid of `sides` slices and half as many rings."""
    rings = max(4, sides // 2)
    polar = np.linspace(0, np.pi, rings + 1)
    around = np.linspace(0, 2 * np.pi, sides + 1)
    unit = np.stack(
        (
            np.sin(polar)[:, None] * np.cos(around)[None],
            np.cos(polar)[:, None] * np.ones_like(around)[None],
            np.sin(polar)[:, None] * np.sin(around)[None],
        ),
        axis=2,
    )
    mesh = from_faces(_grid_faces(unit * np.asarray(radii)), colour, gloss)
    return mesh.moved(centre)


def tube(
    start: Sequence[float],
    end: Sequence[float],
    start_radius: float,
    end_radius: float,
    colour: Sequence[float],
    sides: int = 8,
    gloss: float = MATT,
    caps: bool = True,
) -> Mesh:
    """Build a round bar between two points, with flat ends."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    axis = (end - start) / max(np.linalg.norm(end - start), 1e-9)
    helper = np.array((1.0, 0, 0)) if abs(axis[0]) < 0.8 else np.array((0, 1.0, 0))
    first = np.cross(axis, helper)
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    around = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.cos(around)[:, None] * first + np.sin(around)[:, None] * second
    rows = np.stack((start + ring * start_radius, end + ring * end_radius))
    faces = _grid_faces(rows)
    if caps:
        faces = np.concatenate((faces, _fan(rows[0]), _fan(rows[1])))
    return from_faces(faces, colour, gloss)


def disc(
    centre: Sequence[float],
    radius: float,
    axis: Sequence[float],
    colour: Sequence[float],
    sides: int = 12,
    gloss: float = MATT,
    rank: float = 0.0,
) -> Mesh:
    """Build a flat disc that faces the way of `axis`."""
    axis = np.asarray(axis, float)
    bar = tube(np.asarray(centre) - axis * 0.01, centre, radius, radius, colour, sides, gloss)
    cap = slice(len(bar.corners) - (sides - 1) // 2, None)
    part = Mesh(bar.corners[cap], bar.normals[cap], bar.albedo[cap], bar.gloss[cap], bar.rank[cap])
    return part.ranked(rank)


def ring(
    centre: Sequence[float],
    radius: float,
    thickness: float,
    colour: Sequence[float],
    axis: int,
    sides: int = 16,
    section: int = 6,
) -> Mesh:
    """Build a torus about the axis 0 (x), 1 (y) or 2 (z)."""
    around = np.linspace(0, 2 * np.pi, sides + 1)[:, None]
    about = np.linspace(0, 2 * np.pi, section + 1)[None]
    out = radius + thickness * np.cos(about)
    shape = np.stack(
        (out * np.cos(around), thickness * np.sin(about) + 0 * around, out * np.sin(around)),
        axis=2,
    )
    normal = np.stack(
        (
            np.cos(about) * np.cos(around),
            np.sin(about) + 0 * around,
            np.cos(about) * np.sin(around),
        ),
        axis=2,
    )
    order = {0: (1, 0, 2), 1: (0, 1, 2), 2: (0, 2, 1)}[axis]
    shape, normal = shape[..., order], normal[..., order]
    mesh = from_faces(_grid_faces(shape), colour)
    # The hole's side faces the centre, so the outward rule of `from_faces` does not hold here.
    return replace(mesh, normals=_unit(_grid_faces(normal).mean(1))).moved(centre)


def loft(
    sections: np.ndarray, colour: Sequence[float], gloss: float = MATT, caps: bool = True
) -> Mesh:
    """Build the skin over closed outlines (K, P, 3), first to last."""
    sections = np.asarray(sections, float)
    closed = np.concatenate((sections, sections[:, :1]), axis=1)
    if caps:
        ends = [closed[i : i + 1] * 0 + closed[i].mean(0) for i in (0, -1)]
        closed = np.concatenate((ends[0], closed, ends[1]))
    return from_faces(_grid_faces(closed), colour, gloss)


def _grid_faces(points: np.ndarray) -> np.ndarray:
    """Return the faces (M, 4, 3) between the neighbours of a grid (rows, columns, 3)."""
    return np.stack(
        (points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]), axis=2
    ).reshape(-1, 4, 3)


def _fan(outline: np.ndarray) -> np.ndarray:
    """Return the faces that fill a closed convex outline (P, 3) whose last point is its first."""
    last = len(outline) - 1
    rows = [outline[[0, i, i + 1, min(i + 2, last - 1)]] for i in range(1, last - 1, 2)]
    return np.stack(rows)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # np.cross takes longer to look at its arguments than to multiply these few.
    ax, ay, az = a.T
    bx, by, bz = b.T
    return np.stack((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx), axis=1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
