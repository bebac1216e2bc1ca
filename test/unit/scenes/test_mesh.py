import numpy as np
import pytest

from ldn_openset_ros.scenes.mesh import box, disc, ellipsoid, merge, panel, ring, tube


@pytest.mark.parametrize(
    "mesh",
    [
        box((1, 2, 3), (2, 1, 4), (9, 9, 9)),
        ellipsoid((1, 2, 3), (1, 2, 0.5), (9, 9, 9)),
        tube((0, 0, 0), (0, 2, 1), 0.3, 0.2, (9, 9, 9)),
    ],
)
def test_normals_are_unit_and_point_outwards(mesh):
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)
    outward = mesh.corners.mean(1) - mesh.corners.reshape(-1, 3).mean(0)
    assert ((mesh.normals * outward).sum(1) > 0).all()


def test_the_inner_side_of_a_ring_faces_its_hole():
    mesh = ring((0, 0, 0), 1.0, 0.2, (9, 9, 9), axis=1)
    centres = mesh.corners.mean(1)
    inner = np.hypot(centres[:, 0], centres[:, 2]) < 0.9
    assert inner.any()
    assert ((mesh.normals * centres).sum(1)[inner] < 0).all()


def test_a_box_has_its_size_and_place():
    low, high = box((1, 2, 3), (2, 1, 4), (9, 9, 9)).extent()
    assert low.tolist() == [0, 1.5, 1]
    assert high.tolist() == [2, 2.5, 5]


def test_turning_takes_forward_to_the_right():
    low, high = box((0, 0, 2), (0.2, 0.2, 0.2), (9, 9, 9)).turned(np.pi / 2).extent()
    assert (low + high) / 2 == pytest.approx((2, 0, 0), abs=1e-6)


def test_pitching_takes_up_forward_and_rolling_takes_right_up():
    up = box((0, 2, 0), (0.2, 0.2, 0.2), (9, 9, 9)).pitched(np.pi / 2)
    assert sum(up.extent()) / 2 == pytest.approx((0, 0, 2), abs=1e-6)
    right = box((2, 0, 0), (0.2, 0.2, 0.2), (9, 9, 9)).rolled(np.pi / 2)
    assert sum(right.extent()) / 2 == pytest.approx((0, 2, 0), abs=1e-6)


def test_a_disc_faces_along_its_axis_and_has_its_area():
    mesh = disc((0, 1, 0), 0.5, (0, 0, -1), (9, 9, 9), sides=16, rank=0.4)
    assert np.allclose(mesh.normals, (0, 0, -1), atol=1e-5)
    diagonals = mesh.corners[:, 2] - mesh.corners[:, 0], mesh.corners[:, 3] - mesh.corners[:, 1]
    area = np.linalg.norm(np.cross(*diagonals), axis=1).sum() / 2
    assert area == pytest.approx(16 / 2 * 0.25 * np.sin(2 * np.pi / 16), rel=1e-4)
    assert (mesh.rank == np.float32(0.4)).all()


def test_a_panel_faces_where_it_is_told():
    corners = ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0))
    assert panel(corners, (0, 0, -1), (9, 9, 9)).normals[0].tolist() == [0, 0, -1]
    assert panel(corners, (0, 0, 1), (9, 9, 9)).normals[0].tolist() == [0, 0, 1]


def test_merging_keeps_all_faces():
    parts = [box((0, 0, 0), (1, 1, 1), (1, 1, 1)), box((3, 0, 0), (1, 1, 1), (2, 2, 2))]
    mesh = merge(parts)
    assert mesh.corners.shape == (12, 4, 3)
    assert mesh.albedo[:, 0].tolist() == [1] * 6 + [2] * 6
